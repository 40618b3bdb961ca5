"""Which embedder the settings open."""

import sys

import pytest

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.factory import open_embedder
from contex.embedding.openvino import OpenVinoEmbedder
from contex.errors import InvalidValue
from contex.settings import Settings
from contex.text.passages import RECIPE


def test_the_default_is_the_fast_path() -> None:
    embedder = open_embedder(Settings())
    assert isinstance(embedder, OpenVinoEmbedder)
    assert embedder.fingerprint.startswith("all-minilm-l6-v2-")
    assert embedder.fingerprint.endswith(RECIPE)


def test_tests_get_the_deterministic_one() -> None:
    assert isinstance(open_embedder(Settings(embedder="deterministic")), DeterministicEmbedder)


@pytest.mark.torch
def test_any_model_runs_on_the_reference() -> None:
    from contex.embedding.sentence_transformers import SentenceTransformersEmbedder

    embedder = open_embedder(Settings(embedder="sentence-transformers"))
    assert isinstance(embedder, SentenceTransformersEmbedder)


@pytest.mark.torch
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "contex.embedding.sentence_transformers", raising=False)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InvalidValue, match=r"contex-stream\[sentence-transformers\]") as refused:
        open_embedder(Settings(embedder="sentence-transformers"))
    assert refused.value.field == "CONTEX_EMBEDDER"
