"""What an index answers beyond routing: the nearest values, the best worded ones, and lists.

Hits may be of any revision still present: whether it counts is judged by the caller, by heads read
after the search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contex.index.types import ValueHead, ValueInfo
from contex.records.names import Scope, ValueKey

Vector = NDArray[np.float32]
"""One unit vector."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """Which values of `scope` are nearest to `vector`?

    Attributes:
        threshold: a passage's cosine must be at least this.
        limit: how many passages are looked at, best first; None: all.
        keys: only these values; None: all.
        terms: only passages that have all of these words.
    """

    scope: Scope
    vector: Vector
    threshold: float = -1.0
    limit: int | None = None
    keys: tuple[ValueKey, ...] | None = None
    terms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Wordiest:
    """Which values of `scope` have most of these words, weighed by `weights`?

    Attributes:
        limit: how many passages are looked at, best first; None: all.
        keys: only these values; None: all.
    """

    scope: Scope
    weights: Mapping[int, float]
    limit: int | None = None
    keys: tuple[ValueKey, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One revision of a value, and the score of its best passage."""

    key: ValueKey
    revision: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Values by their best passage, best first, each revision once.

    Attributes:
        floor: what was not looked at scores no more than this; None: all was looked at.
    """

    found: tuple[Scored, ...] = ()
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How many passages a scope has, and how many of them have each word."""

    passages: int = 0
    by_term: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValuePage:
    """Live values of a scope, in the order of their heads' ids.

    Attributes:
        after: where the next page begins; None: there is none.
    """

    heads: Mapping[ValueKey, ValueHead]
    after: str | None = None


class Queries(Protocol):
    """The part of an index that queries and lists are answered from."""

    async def nearest_values(self, asked: Nearest) -> Ranking:
        """Return the values whose best passages are nearest."""

    async def wordiest_values(self, asked: Wordiest) -> Ranking:
        """Return the values whose best passages have most of the words; others are left out."""

    async def count_terms(self, scope: Scope, terms: Sequence[int]) -> TermCounts:
        """Count the passages of a scope and of nobody else."""

    async def value_infos(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, ValueInfo]:
        """Return what is known of exactly these revisions; those whose chunks are gone are not."""

    async def value_page(
        self, scope: Scope, *, limit: int, after: str | None = None, prefix: str = ""
    ) -> ValuePage:
        """Return at most `limit` live values whose keys begin with `prefix`.

        A page may hold fewer, even none, and yet not be the last: `after` tells.
        """
