"""What every embedder promises to the rest of Contex."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.models import DEFAULT, locate
from contex.embedding.openvino import OpenVinoEmbedder
from contex.embedding.port import Embedder

RECIPE = "r1"
SAME = 0.9999
TEXTS = [
    "Billing api. Rate limit: 100 requests per minute.",
    "deployment schedule",
    "",
    " \t\n ",
    "Die Zahlungsschnittstelle nimmt höchstens 100 Anfragen an.",
    "支付接口每分钟最多接受一百个请求。",
    "واجهة الدفع",
    "🚀🔥 launch",
    "a\x00b\ufeffc\u202e",
    "\ud800 lone",
    "{'a': [1, 2, {'b': null}]}",
    "x" * 5_000,
    "the rate limit of the payment api " * 400,
    "one",
    "two three four five six seven eight nine ten " * 4,
]


def deterministic() -> Embedder:
    return DeterministicEmbedder(recipe=RECIPE)


def openvino() -> Embedder:
    model = locate(DEFAULT)
    return OpenVinoEmbedder(model.path, name=model.name, recipe=RECIPE)


def openvino_f32() -> Embedder:
    model = locate(DEFAULT)
    return OpenVinoEmbedder(model.path, name=model.name, recipe=RECIPE, precision="f32")


def sentence_transformers() -> Embedder:
    from contex.embedding.sentence_transformers import SentenceTransformersEmbedder

    model = locate(DEFAULT)
    return SentenceTransformersEmbedder(model.path, name=model.name, recipe=RECIPE)


@pytest.fixture(
    scope="module",
    params=[
        deterministic,
        openvino,
        openvino_f32,
        pytest.param(sentence_transformers, marks=pytest.mark.torch),
    ],
    ids=lambda make: make.__name__,
)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    made: Embedder = request.param()
    return made


def test_vectors_are_single_precision_rows_of_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    vectors = embedder.embed([])
    assert vectors.shape == (0, embedder.dimensions)
    assert vectors.dtype == np.float32


def test_a_text_has_one_vector_alone_and_in_any_batch(embedder: Embedder) -> None:
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    together = embedder.embed(TEXTS)
    backwards = embedder.embed([*TEXTS, *TEXTS][::-1])[: len(TEXTS)][::-1]
    for name, others in (("together", together), ("backwards", backwards)):
        cosines = (alone * others).sum(axis=1)
        assert cosines.min() >= SAME, f"{name}: {TEXTS[cosines.argmin()][:40]!r} {cosines.min()}"


def test_rows_stand_in_the_order_of_the_texts(embedder: Embedder) -> None:
    words = ["ocean", "invoice", "kernel", "violin", "glacier", "senate"]
    texts = [f"{words[at % 6]} " * (1 + at * 7 % 40) for at in range(120)]
    alone = {word: embedder.embed([f"{word} " * 3])[0] for word in words}
    for at, vector in enumerate(embedder.embed(texts)):
        closest = max(words, key=lambda word: float(vector @ alone[word]))
        assert closest == words[at % 6], f"row {at} is the vector of {closest}"


def test_sharing_a_subject_is_closer_than_not(embedder: Embedder) -> None:
    need, match, other = embedder.embed(
        ["the rate limit of the payment api", "payment api rate limit: 100", "holiday calendar"]
    )
    assert need @ match > 0.5 > need @ other + 0.15


def test_text_beyond_the_model_s_limit_still_has_a_vector(embedder: Embedder) -> None:
    text = "payment api " * 20_000
    vector = embedder.embed([text])
    assert np.isfinite(vector).all()


def test_many_threads_get_their_own_vectors(embedder: Embedder) -> None:
    texts = [text for text in TEXTS if len(text) < 200]
    expected = embedder.embed(texts)
    orders = [np.random.default_rng(seed).permutation(len(texts)) for seed in range(16)]
    with ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda order: embedder.embed([texts[at] for at in order]), orders)
        for order, result in zip(orders, results, strict=True):
            assert (expected[order] * result).sum(axis=1).min() >= SAME


def test_tokens_are_counted_without_special_ones_and_without_truncation(
    embedder: Embedder,
) -> None:
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("rate limit") == 2
    assert embedder.count_tokens("limit " * 3_000) == 3_000
    assert embedder.count_tokens("\ud800 lone") >= 1


def test_counting_does_not_change_truncation(embedder: Embedder) -> None:
    text = "the rate limit of the payment api " * 400
    before = embedder.embed([text])[0]
    embedder.count_tokens(text)
    assert embedder.embed([text])[0] @ before >= SAME


def test_the_fingerprint_fits_a_collection_s_name(embedder: Embedder) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{1,200}", embedder.fingerprint)
    assert RECIPE in embedder.fingerprint


@pytest.mark.torch
def test_every_kind_has_its_own_fingerprint() -> None:
    makers = (deterministic, openvino_f32, sentence_transformers)
    fingerprints = {make().fingerprint for make in makers}
    assert len(fingerprints) == len(makers), fingerprints
