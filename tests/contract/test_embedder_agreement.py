"""The fast embedder agrees with the reference, sentence-transformers, on diverse texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from contex.embedding.models import DEFAULT, locate
from contex.embedding.openvino import OpenVinoEmbedder, Precision, best_precision
from contex.embedding.port import Vectors

pytestmark = pytest.mark.torch
AGREEMENT_MIN = 0.999

WRITTEN = json.loads(Path(__file__).with_name("embedder_texts.json").read_text("utf-8"))
SUBJECTS = ["billing", "weather in Oslo", "on-call rota", "coding standards", "customer churn"]
SHAPES = [
    "{0}",
    "What do I need to know about {0}?",
    "{0}. owner: platform team. updated: 2024-05-01. limits. per minute: 100. burst: 250.",
    json.dumps({"key": "{0}", "nested": {"list": [1, 2.5, None, True], "text": "{0}"}}),
    "# {0}\n\n- first point about {0}\n- second point\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "{0}, and the reasons for it, in one long sentence that goes on and on " * 3,
]
LONG = [
    " ".join(f"{word}{at}" for at in range(size))
    for size in (20, 60, 83, 84, 85, 86, 90, 130, 170, 300, 1_000)
    for word in ("limit ", "région ", "rate-")
]
LONG += [" ".join(["word"] * size) for size in (253, 254, 255, 256)]
TEXTS = [
    *WRITTEN["languages"],
    *WRITTEN["code"],
    *WRITTEN["edges"],
    *(shape.replace("{0}", subject) for shape in SHAPES for subject in SUBJECTS),
    *LONG,
]


@pytest.fixture(scope="module")
def reference() -> Vectors:
    """What the reference computes, called as its users call it: none of our code between."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(locate(DEFAULT).path), device="cpu")
    vectors: Vectors = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    return vectors


def cosines(reference: Vectors, precision: Precision | None) -> Vectors:
    model = locate(DEFAULT)
    embedder = OpenVinoEmbedder(model.path, name=model.name, recipe="r", precision=precision)
    product: Vectors = (embedder.embed(TEXTS) * reference).sum(axis=1)
    return product


def test_there_are_enough_texts_of_every_length() -> None:
    assert len(set(TEXTS)) >= 100, f"expected at least 100 different texts, got {len(set(TEXTS))}"


@pytest.mark.parametrize("precision", [None, "f32"])
def test_the_fast_path_agrees_with_the_reference(
    reference: Vectors, precision: Precision | None
) -> None:
    found = cosines(reference, precision)
    worst = int(found.argmin())
    assert found.min() >= AGREEMENT_MIN, f"{TEXTS[worst][:60]!r}: cosine {found[worst]:.5f}"


def test_single_precision_agrees_to_rounding(reference: Vectors) -> None:
    assert cosines(reference, "f32").min() >= 0.99999


def test_decisions_at_the_threshold_are_the_same(reference: Vectors) -> None:
    """No pair's similarity moves by more than thresholds are given in."""
    model = locate(DEFAULT)
    vectors = OpenVinoEmbedder(model.path, name=model.name, recipe="r").embed(TEXTS)
    moved = np.abs(vectors @ vectors.T - reference @ reference.T)
    assert moved.max() < 0.01, f"a similarity moved by {moved.max():.4f}"


def test_bf16_is_chosen_exactly_where_the_cpu_computes_it() -> None:
    from openvino import Core

    capable = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert best_precision(Core()) == ("bf16" if capable else "f32")
    model = locate(DEFAULT)
    embedder = OpenVinoEmbedder(model.path, name=model.name, recipe="r")
    assert f"-{best_precision(Core())}-" in embedder.fingerprint
