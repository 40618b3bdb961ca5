"""What the tests of the text recipe share: a tokenizer stand-in and a way to call the recipe."""

import re
from collections.abc import Callable

import pytest

from contex.records import Value
from contex.text import parse, passages

_PIECE = re.compile(r"\w{1,5}|[^\w\s]")

Recipe = Callable[[str, bytes, str | None], tuple[str, ...]]


def count_tokens(text: str) -> int:
    """Count as a word-piece model does: words in pieces, every mark by itself."""
    return len(_PIECE.findall(text))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    def run(data_key: str, content: bytes, content_type: str | None = None) -> tuple[str, ...]:
        return passages(data_key, parse(Value(content, content_type)), count_tokens).texts

    return run


@pytest.fixture(scope="session")
def tokens() -> Callable[[str], int]:
    return count_tokens
