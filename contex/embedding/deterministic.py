"""An embedder for tests only: no model, no files, the same vectors on every machine.

Decides vectors by hashing words and their character trigrams, so that texts that share words are
close and others are not. It knows nothing of meaning: never choose it for real data.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from contex.embedding.fingerprint import fingerprint
from contex.embedding.port import Vectors
from contex.embedding.text import encodable

_DIMENSIONS = 384
_WORD = re.compile(r"\w+")
_WORD_WEIGHT = 1.0
_TRIGRAM_WEIGHT = 0.25
_WORDS_CACHED_MAX = 16_384
# Words that say nothing about a text's subject; without this, "the" alone would make a match.
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at be by for from has have how i in is it its me my of on or our that the"
        " their this to was we what when where which who will with you your"
    )
)


class DeterministicEmbedder:
    """Hashed bag of words and trigrams, scaled to length one."""

    def __init__(self, *, recipe: str) -> None:
        """Create one; `recipe` says how texts are made of values, for the fingerprint."""
        self._fingerprint = fingerprint("deterministic", str(_DIMENSIONS), "f32", recipe)

    @property
    def fingerprint(self) -> str:
        """Names this embedder and the text recipe."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return _DIMENSIONS

    def count_tokens(self, text: str) -> int:
        """Return how many words `text` has."""
        return sum(1 for _ in _WORD.finditer(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, in order."""
        vectors = np.zeros((len(texts), _DIMENSIONS), np.float64)
        for row, text in zip(vectors, texts, strict=True):
            for word in _subjects(text):
                for at, weight in _features(word):
                    row[at] += weight
            if not row.any():
                row[0] = 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = (vectors / lengths).astype(np.float32)
        return unit


def _subjects(text: str) -> Iterator[str]:
    """Yield the words that say what a text is about; all words where none does."""
    words = [match.group().casefold() for match in _WORD.finditer(encodable(text))]
    yield from [word for word in words if word not in _STOP_WORDS] or words


@lru_cache(_WORDS_CACHED_MAX)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    bounded = f"^{word}$"
    trigrams = (bounded[at : at + 3] for at in range(len(bounded) - 2))
    return (_place(word, _WORD_WEIGHT), *(_place(part, _TRIGRAM_WEIGHT) for part in trigrams))


def _place(feature: str, weight: float) -> tuple[int, float]:
    """Return the dimension and the signed weight of a feature: signs make collisions cancel."""
    number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest())
    return (number >> 1) % _DIMENSIONS, weight if number & 1 else -weight
