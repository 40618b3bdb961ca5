"""What becomes of strings that UTF-8 cannot hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.embedding.text import encodable


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_valid_text_is_untouched(text: str) -> None:
    assert encodable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.loads(r'"a\ud800b"'), "a\ufffdb"),
        ("\udfff", "\ufffd"),
        ("x\udc00\ud800y", "x\ufffd\ufffdy"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_lone_surrogates_are_replaced(text: str, expected: str) -> None:
    assert encodable(text) == expected


@given(st.text(st.characters()))
def test_every_result_can_be_encoded(text: str) -> None:
    encodable(text).encode()
