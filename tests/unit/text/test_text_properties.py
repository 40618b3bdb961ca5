"""What holds for every value, tried with random ones."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contex.errors import CallerError
from contex.records import Value
from contex.text import TOKENS_MAX, humanise, parse, passages

CONTENT_TYPES = [
    None,
    "application/json",
    "application/x-ndjson",
    "application/yaml",
    "application/toml",
    "text/csv",
    "text/tab-separated-values",
    "application/xml",
    "text/markdown",
    "text/x-python",
    "text/plain",
    "text/plain; charset=utf-16",
    "application/octet-stream",
]
STRUCTURE = st.text(
    alphabet="{}[]()<>/\\&*!?|#%@`~^$=+-_:;,.'\" \t\r\nab01é漢😀\ufeff\x07", max_size=80
)

WORD_MAX = 25
"""No longer word is made where words are looked for: none is cut into pieces."""
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\u3002\uff01\uff1f")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=WORD_MAX)
    | st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=60).map(" ".join)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6)
    ),
    max_leaves=30,
)
checked = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def callers_errors_only() -> Iterator[None]:
    """Let the caller's errors pass, and only those that say what is wrong, and where."""
    try:
        yield
    except CallerError as error:
        if error.field != "data" or not str(error):
            raise AssertionError(f"expected a message about data, got {error!r}") from error


def leaves(value: object) -> Iterator[str]:
    match value:
        case dict():
            for entry in value.values():
                yield from leaves(entry)
        case list():
            for item in value:
                yield from leaves(item)
        case str():
            yield value
        case _:
            yield json.dumps(value)


@checked
@given(value=values, data_key=st.text(min_size=1, max_size=40))
def test_every_leaf_occurs_in_the_passages(
    value: object, data_key: str, tokens: Callable[[str], int]
) -> None:
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    got = passages(data_key, parse(Value(content, "application/json")), tokens).texts
    said = {word for passage in got for word in passage.split()}
    for leaf in leaves(value):
        for word in leaf.split() or ["empty"]:
            found = {word, f"{word}.", f"{word},"} & said
            assert found, f"{word!r} of the leaf {leaf!r} is in none of {got}"
    assert all(tokens(passage) <= TOKENS_MAX for passage in got)
    assert all(got), "a passage is never empty"


@checked
@given(words=st.lists(st.lists(st.text(max_size=120), min_size=1, max_size=9), min_size=1))
def test_text_is_kept_whole_and_in_order(
    words: list[list[str]], tokens: Callable[[str], int]
) -> None:
    """Without names in between, the passages joined are the value: no character is lost.

    Numbers keep the passages different: two that are the same would rightly be one.
    """
    number = count()
    items = [" ".join(f"{word}{next(number)}" for word in item) for item in words]
    content = json.dumps(items).encode()
    got = passages("key", parse(Value(content, "application/json")), tokens).texts
    said = "".join("".join(passage.removeprefix("key.").split()) for passage in got)
    position = 0
    for item in items:
        expected = "".join(item.split())
        position = said.find(expected, position)
        assert position >= 0, f"{expected!r} is not in {said!r} where it should be"
        position += len(expected)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@checked
@given(content=st.binary(max_size=200) | STRUCTURE.map(str.encode), data_key=st.text(min_size=1))
def test_no_bytes_raise_anything_but_the_callers_error(
    content: bytes, data_key: str, content_type: str | None, tokens: Callable[[str], int]
) -> None:
    with callers_errors_only():
        got = passages(data_key, parse(Value(content, content_type)), tokens).texts
        assert got
        assert all(tokens(passage) <= TOKENS_MAX for passage in got)


@checked
@given(text=st.text(max_size=200) | STRUCTURE)
def test_undeclared_text_never_fails(text: str) -> None:
    content = "".join(
        letter for letter in text if letter.isprintable() or letter in "\t\r\n"
    ).encode()
    parse(Value(content))


@checked
@given(
    content_type=st.text(max_size=60)
    | st.from_regex(r"[a-z]+/[a-z+-]+(; ?[a-z0-9*]+=.*)?", fullmatch=True)
)
def test_no_content_type_raises_anything_but_the_callers_error(content_type: str) -> None:
    with callers_errors_only():
        parse(Value(b"a: 1\nb: 2\n", content_type))


@checked
@given(identifier=st.text(max_size=60))
def test_humanise_keeps_every_letter_and_digit(identifier: str) -> None:
    def kept(text: str) -> list[str]:
        return [letter for letter in text.lower() if letter.isalnum()]

    assert sorted(kept(humanise(identifier))) == sorted(kept(identifier))
