"""The one rule of whether a value meets a need, for publish, registration and query alike.

A value meets a need if it scores at least the need's threshold, its metadata passes the need's
filters, and no exclusion speaks against it. An exclusion does if the value is about it (scores at
least the exclusion's threshold for the exclusion's words alone) and is told better with it than
without it (scores for "exclusion need" at least as much as for the need). docs/matching.md tells
why, and what else was measured. Pure: embeds nothing and searches nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from contex.records.registration import Need

SCORE_TOLERANCE = 1e-5
"""Two ways to sum in single precision must not decide which of two equal scores is more."""


class Sense(IntEnum):
    """How the words of an exclusion are read."""

    ALONE = 0
    WITH_NEED = 1


@dataclass(frozen=True, slots=True, order=True)
class ExclusionPlace:
    """Which reading of which exclusion of which of an agent's needs."""

    need: int
    exclusion: int
    sense: Sense


@dataclass(frozen=True, slots=True)
class ExclusionStatement:
    """One reading of an exclusion: the text to embed, and the least score that matters."""

    place: ExclusionPlace
    text: str
    threshold: float


Scores = Mapping[ExclusionPlace, float]
"""Of exclusions; what is below its statement's threshold may be left out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one value: its score for needs by ordinal, for exclusions, its metadata."""

    needs: Mapping[int, float]
    exclusions: Scores = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def exclusion_statements(needs: Sequence[Need]) -> tuple[ExclusionStatement, ...]:
    """Return every reading of every exclusion, in the order in which they are embedded."""
    return tuple(
        ExclusionStatement(ExclusionPlace(ordinal, number, sense), text, threshold)
        for ordinal, need in enumerate(needs)
        for number, exclusion in enumerate(need.exclusions)
        for sense, text, threshold in (
            (Sense.ALONE, exclusion.text, exclusion.threshold),
            (Sense.WITH_NEED, f"{exclusion.text} {need.text}", need.threshold),
        )
    )


def texts(needs: Sequence[Need]) -> list[str]:
    """Return everything to embed of some needs: the needs, then their exclusions' readings."""
    return [need.text for need in needs] + [one.text for one in exclusion_statements(needs)]


def is_conditional(need: Need) -> bool:
    """Say whether a score alone does not decide."""
    return bool(need.filters or need.exclusions)


def passes(filters: Mapping[str, Sequence[str]], metadata: Mapping[str, str]) -> bool:
    """Say whether metadata has, for every label, one of the texts."""
    return all(label in metadata and metadata[label] in wanted for label, wanted in filters.items())


def is_excluded(ordinal: int, need: Need, score: float, exclusions: Scores) -> bool:
    """Say whether any exclusion speaks against a value that scores `score` for the need."""
    return any(
        _reaches(exclusions.get(ExclusionPlace(ordinal, number, Sense.ALONE)), exclusion.threshold)
        and _reaches(exclusions.get(ExclusionPlace(ordinal, number, Sense.WITH_NEED)), score)
        for number, exclusion in enumerate(need.exclusions)
    )


def met(needs: Iterable[tuple[int, Need]], evidence: Evidence) -> dict[int, float]:
    """Return which of the needs, by ordinal, the value meets, and its score for each."""
    return {
        ordinal: score
        for ordinal, need in needs
        if (score := evidence.needs.get(ordinal)) is not None
        and _reaches(score, need.threshold)
        and passes(need.filters, evidence.metadata)
        and not is_excluded(ordinal, need, score, evidence.exclusions)
    }


def _reaches(score: float | None, bound: float) -> bool:
    return score is not None and score >= bound - SCORE_TOLERANCE
