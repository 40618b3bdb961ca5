"""The rule of what meets a need: cosine minus threshold, the margin, is not negative.

Decides margins, scores and the order of hits, for every index alike. Never searches.
"""

from collections.abc import Iterable

from contex.index.types import ExclusionHit, NeedHit, ValueHit

MARGIN_TOLERANCE = 1e-5
"""Single precision and two ways to sum must not decide: a margin this little below zero meets."""


def meets(margin: float) -> bool:
    """Say whether a margin meets its need."""
    return margin >= -MARGIN_TOLERANCE


def score_of(margin: float, threshold: float) -> float:
    """Return the cosine that a meeting margin stands for, never below the threshold."""
    return threshold + max(margin, 0.0)


def ordered_needs(hits: Iterable[NeedHit]) -> list[NeedHit]:
    """Sort by identity, so that equal answers are equal lists whatever the engine's order."""
    return sorted(hits, key=lambda hit: (hit.agent, hit.epoch, hit.ordinal))


def ordered_exclusions(hits: Iterable[ExclusionHit]) -> list[ExclusionHit]:
    """Sort by identity, so that equal answers are equal lists whatever the engine's order."""
    return sorted(hits, key=lambda hit: (hit.agent, hit.epoch, hit.place))


def ordered_values(hits: Iterable[ValueHit]) -> list[ValueHit]:
    """Sort by identity, so that equal answers are equal lists whatever the engine's order."""
    return sorted(hits, key=lambda hit: (hit.key, hit.revision))
