"""What is asked, and what is answered, as plain types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from contex.index.types import ValueHead, ValueInfo
from contex.records.names import ValueKey
from contex.records.publication import Value
from contex.records.registration import Exclusion

TOP_K_DEFAULT: Final = 5
TOP_K_MAX: Final = 50
QUERIES_MAX: Final = 20
"""Queries of one call."""
WEIGHT_MAX: Final = 10.0


class Mode(StrEnum):
    """By what values are found."""

    DENSE = "dense"  # by meaning: the cosine of the best passage
    LEXICAL = "lexical"  # by words: BM25 of the best passage
    HYBRID = "hybrid"  # by both


@dataclass(frozen=True, slots=True)
class Weights:
    """What meaning and words count in a score; at least one of them is positive."""

    dense: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Attributes:
        threshold: the least score; None: the default of the mode and the weights.
        weights: None: the mode's own.
        filters: by label, the texts of which a value's metadata must have one.
        exclusions: what is not meant; the rule is that of needs.
        top_k: how many values are wanted at most.
        tokens_max: how many tokens they may have in all; None: any.
        published_after_ms: only values published at or after this time.
        published_before_ms: only values published before this time.
        include_data: whether the values themselves are wanted.
    """

    text: str
    mode: Mode = Mode.HYBRID
    threshold: float | None = None
    weights: Weights | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()
    top_k: int = TOP_K_DEFAULT
    tokens_max: int | None = None
    published_after_ms: int | None = None
    published_before_ms: int | None = None
    include_data: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one revision of a value.

    Attributes:
        dense: cosine of its best passage; None: not asked for.
        lexical: how well its best passage is worded, 0 to 1; None: not asked for.
        literal: one passage has every word of the query.
    """

    dense: float | None = None
    lexical: float | None = None
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A value that was found.

    Attributes:
        value: None when it was not wanted, or is too large to travel inside.
        readable: where the log holds this very content.
    """

    key: ValueKey
    revision: int
    score: float
    evidence: Evidence
    info: ValueInfo
    tokens: int
    readable: int
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, best first.

    Attributes:
        omitted_total: how many more values matched, but were beyond `top_k` or the budget.
    """

    matches: tuple[Match, ...] = ()
    omitted_total: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A live value as lists show it."""

    key: ValueKey
    head: ValueHead
    info: ValueInfo


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Some live values in the order of their keys; `after` begins the next page, None: the end."""

    values: tuple[Listed, ...]
    after: str | None
