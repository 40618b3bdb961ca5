"""The embedder of tests: close where words are shared, and nowhere else."""

import hashlib

import pytest

from contex.embedding.deterministic import DeterministicEmbedder


@pytest.fixture
def embedder() -> DeterministicEmbedder:
    return DeterministicEmbedder(recipe="r1")


def cosine(embedder: DeterministicEmbedder, one: str, other: str) -> float:
    left, right = embedder.embed([one, other])
    return float(left @ right)


@pytest.mark.parametrize(
    ("value", "need"),
    [
        ("Billing api. Rate limit: 100. Currency: EUR.", "the rate limit of the billing api"),
        ("Deployment schedule. Friday: frozen.", "deployment schedule"),
        ("coding standards. indentation: 4 spaces", "What are our coding standards?"),
    ],
)
def test_texts_that_share_words_are_close(
    embedder: DeterministicEmbedder, value: str, need: str
) -> None:
    assert cosine(embedder, value, need) > 0.5


@pytest.mark.parametrize(
    ("value", "need"),
    [
        ("Billing api. Rate limit: 100.", "the weather in the north of the country"),
        ("the of and is", "deployment schedule"),
        ("coding standards", "holiday calendar"),
    ],
)
def test_texts_that_share_no_words_are_far(
    embedder: DeterministicEmbedder, value: str, need: str
) -> None:
    assert cosine(embedder, value, need) < 0.25


def test_case_and_punctuation_say_nothing(embedder: DeterministicEmbedder) -> None:
    assert cosine(embedder, "Billing, API!", "billing api") == pytest.approx(1)


def test_endings_differ_less_than_words(embedder: DeterministicEmbedder) -> None:
    ending = cosine(embedder, "payment", "payments")
    assert 0.15 < ending < 0.9
    assert ending > cosine(embedder, "payment", "weather")


def test_vectors_are_the_same_on_every_machine(embedder: DeterministicEmbedder) -> None:
    signs = (embedder.embed(["Billing api. Rate limit: 100."]) > 0).tobytes()
    assert hashlib.sha256(signs).hexdigest()[:12] == "35bd9ed0103d"


def test_tokens_are_words(embedder: DeterministicEmbedder) -> None:
    assert embedder.count_tokens("rate limit: 100 / minute") == 4
