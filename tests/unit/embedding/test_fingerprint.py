"""The name of what vectors were made with."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.embedding.fingerprint import fingerprint

PARTS = st.tuples(st.text(max_size=80), st.just("0a1b2c3d"), st.just("bf16"), st.text(max_size=80))


def test_plain_parts_are_readable() -> None:
    assert fingerprint("all-MiniLM-L6-v2", "53aa5117", "bf16", "passages-1") == (
        "all-minilm-l6-v2-53aa5117-bf16-passages-1"
    )


@given(PARTS)
def test_only_characters_a_collection_name_may_have(parts: tuple[str, str, str, str]) -> None:
    name = fingerprint(*parts)
    assert re.fullmatch(r"[a-z0-9_-]+", name), name
    assert len(name) <= 160


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("m", "d1", "f32", "r"), ("m", "d2", "f32", "r")),
        (("m", "d", "f32", "r"), ("m", "d", "bf16", "r")),
        (("m", "d", "f32", "r1"), ("m", "d", "f32", "r2")),
        (("m", "d", "f32", "a.b"), ("m", "d", "f32", "a-b")),
        (("m", "d", "f32", "R"), ("m", "d", "f32", "r")),
        (("m", "d", "f32", "r" * 60), ("m", "d", "f32", "r" * 61)),
        (("m", "d", "f32", "模型"), ("m", "d", "f32", "型模")),
    ],
)
def test_different_parts_have_different_names(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert fingerprint(*one) != fingerprint(*other)
