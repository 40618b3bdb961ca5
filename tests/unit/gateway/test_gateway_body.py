"""JSON bodies: kept as meant, or refused with a place."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body import read_json
from gateway.problems import Refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\u00e9"), inner),
    max_leaves=10,
)  # fmt: skip


@given(JSON, st.booleans())
def test_what_json_says_is_kept(said: object, ascii_only: bool) -> None:
    assert read_json(json.dumps(said, ensure_ascii=ascii_only).encode()) == said


@given(st.binary(max_size=50))
def test_bytes_are_read_or_refused_and_never_crash(body: bytes) -> None:
    with suppress(Refusal):
        json.dumps(read_json(body), ensure_ascii=False).encode()


def test_large_integers_are_kept_whole() -> None:
    assert read_json(b"123456789012345678901234567890") == 123456789012345678901234567890


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": 1,\n\n  x}', {"line": 3, "column": 3}),
        (b"", {"line": 1, "column": 1}),
        (b'{"a": 1} tail', {"line": 1, "column": 10}),
        (b'"\xc3\x28"', {"byte": 1}),
    ],
)
def test_the_place_of_an_error_is_told(body: bytes, place: dict[str, int]) -> None:
    with pytest.raises(Refusal) as caught:
        read_json(body)
    assert caught.value.problem.extra == place


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e400", "out of range"),
        (b"1" * 5_000, "4,300 digits"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 50_000, "too deeply"),
        (b'["\\uD800"]', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
    ],
)
def test_what_no_value_can_be_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_json(body)
    assert words in caught.value.problem.detail
    assert "sys." not in caught.value.problem.detail


def test_a_whole_pair_of_surrogates_is_a_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"
