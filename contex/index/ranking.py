"""From scored passages to ranked values: each revision once, by its best passage.

Decides the order, which is the same for every index, and what a full page leaves open.
"""

from collections.abc import Iterable

from contex.index.queries import Ranking, Scored
from contex.records.names import ValueKey

Passage = tuple[ValueKey, int, float]
"""A passage's value, revision and score."""


def best_first(found: Iterable[Scored]) -> list[Scored]:
    """Order by score, then by name, so that equal answers are equal whatever the engine's order."""
    return sorted(found, key=lambda one: (-one.score, one.key, -one.revision))


def ranked(passages: Iterable[Passage], limit: int | None) -> Ranking:
    """Return the values of the `limit` best passages there are."""
    best: dict[tuple[ValueKey, int], float] = {}
    scores: list[float] = []
    for key, revision, score in passages:
        scores.append(score)
        best[key, revision] = max(score, best.get((key, revision), score))
    found = best_first(Scored(*version, score) for version, score in best.items())
    full = limit is not None and len(scores) >= limit
    return Ranking(tuple(found), min(scores, default=0.0) if full else None)
