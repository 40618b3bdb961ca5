"""The words of texts, and what it weighs that a passage has them: BM25.

Decides which words count, how a passage's words are kept (a weight per word, made when it is
written) and what a word of a query weighs (how rare it is among the passages of its project, and
of nobody else's). Pure; counts and searches are the index's.
"""

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

K1 = 1.2
B = 0.75
PASSAGE_TERMS_MEAN = 32
"""Words of a usual passage of 96 tokens. Fixed: what is written must not depend on what is there.
"""
SATURATION = 3.0
QUERY_TERMS_MAX = 32
"""Words of a query that are looked for; further ones are left to its meaning."""
TERMS_CACHED_MAX = 65_536
_TERM_BYTES = 4

Terms = Mapping[int, float]
"""A weight per word; words by their number."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
# Words that say nothing about a text's subject.
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a about all an and any are as at be been but by can did do does for from had has have"
        " how i if in into is it its me my no not of on or our should so than that the their"
        " them then there these they this those to us was we were what when where which who whom"
        " whose why will with would you your"
    )
)


def words(text: str) -> list[str]:
    """Return the words of a text: identifiers in parts, upper and lower case alike."""
    return [part for word in _spelt(text) for part in _parts(word)]


def words_and_identifiers(text: str) -> list[str]:
    """Return the words of a text, and beside their parts `camelCase` identifiers whole.

    So that they are found by their parts as well as by somebody who writes them in lower case.
    """
    found: list[str] = []
    for word in _spelt(text):
        parts = _parts(word)
        found += parts
        if len(parts) > 1:
            found.append(word.casefold())
    return found


def _spelt(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text))


def _parts(word: str) -> list[str]:
    parts = (part.casefold() for part in _CAMEL.split(word))
    return [part for part in parts if part not in _STOP_WORDS]


@lru_cache(TERMS_CACHED_MAX)
def term(word: str) -> int:
    """Return a word's number."""
    digest = hashlib.blake2b(word.encode(errors="replace"), digest_size=_TERM_BYTES).digest()
    return int.from_bytes(digest)


def passage_terms(text: str) -> dict[int, float]:
    """Return what each word of a passage weighs there, in single precision's reach."""
    counted = Counter(term(word) for word in words_and_identifiers(text))
    length = B * counted.total() / PASSAGE_TERMS_MEAN
    return {
        number: count * (K1 + 1) / (count + K1 * (1 - B + length))
        for number, count in counted.items()
    }


def query_terms(text: str) -> tuple[int, ...]:
    """Return the words of a query, each once, the first `QUERY_TERMS_MAX`."""
    return tuple(dict.fromkeys(term(word) for word in words(text)))[:QUERY_TERMS_MAX]


def rarity(counts: Mapping[int, int], passages: int) -> dict[int, float]:
    """Return what each word of a query weighs, given how many of the passages have it."""
    return {
        number: math.log1p((passages - count + 0.5) / (count + 0.5))
        for number, count in counts.items()
        if 0 < count <= passages
    }


def saturated(bm25: float) -> float:
    """Return a BM25 score between 0 and 1, so that it can stand beside a cosine."""
    return bm25 / (bm25 + SATURATION)
