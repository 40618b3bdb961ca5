"""The decisions of a query, free of any I/O: scores, thresholds, what is enough, what is answered.

score = dense weight * cosine + lexical weight * saturated BM25, each of the value's best passage. A
passage that has every word of the query counts as a cosine of at least `LITERAL_COSINE`: whoever
asks for an error code means it, even if its meaning says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from contex.index.queries import Ranking
from contex.index.types import ValueInfo
from contex.query.types import Evidence, Mode, Query, Weights
from contex.records.meeting import passes
from contex.records.registration import THRESHOLD_DEFAULT

LITERAL_COSINE: Final = 0.5
SCORE_TOLERANCE: Final = 1e-5
PASSAGES_FIRST: Final = 200
PASSAGES_GROWTH: Final = 4
UNSURE_MAX: Final = 50
"""Values of one search that are looked up in the others, in the first round; more in later ones."""
PASSAGES_MAX: Final = 51_200
"""Never are more looked at, of which filters may leave nothing."""
CONTENT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Contents of all answers of one call; further ones go by reference."""

_OF_MODE: Final = {
    Mode.DENSE: Weights(1.0, 0.0),
    Mode.LEXICAL: Weights(0.0, 1.0),
    Mode.HYBRID: Weights(1.0, 0.1),
}

Sized = TypeVar("Sized")


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of one query are scored, and the least score of one that matches."""

    weights: Weights
    threshold: float

    @property
    def cosine_min(self) -> float:
        """The least cosine with which the best words could make a match."""
        if self.weights.dense == 0:
            return -1.0
        return max(-1.0, (self.threshold - self.weights.lexical) / self.weights.dense)

    def score(self, evidence: Evidence) -> float:
        """Return what a value scores; a cosine that was not found is below any that matters."""
        cosine = -1.0 if evidence.dense is None else evidence.dense
        if evidence.literal:
            cosine = max(cosine, LITERAL_COSINE)
        return self.weights.dense * cosine + self.weights.lexical * (evidence.lexical or 0.0)

    def matches(self, score: float) -> bool:
        """Say whether a score is enough. Words alone match only if there are any."""
        if self.weights.dense == 0 and score <= 0:
            return False
        return score >= self.threshold - SCORE_TOLERANCE


def rule_of(query: Query) -> Rule:
    """Return how a query's values are scored.

    The default threshold is that of needs, so that a query finds at least what a need of the same
    words is told of; it goes with the larger weight. Words alone match wherever there is one.
    """
    weights = query.weights or _OF_MODE[query.mode]
    if query.mode is Mode.DENSE:
        weights = Weights(weights.dense, 0.0)
    if query.mode is Mode.LEXICAL:
        weights = Weights(0.0, weights.lexical)
    usual = THRESHOLD_DEFAULT * max(weights.dense, weights.lexical)
    default = 0.0 if query.mode is Mode.LEXICAL else usual
    return Rule(weights, default if query.threshold is None else query.threshold)


def passes_info(query: Query, info: ValueInfo) -> bool:
    """Say whether what is known of a value meets the query's filters and times."""
    after, before = query.published_after_ms, query.published_before_ms
    return (
        passes(query.filters, info.metadata)
        and (after is None or info.published_at_ms >= after)
        and (before is None or info.published_at_ms < before)
    )


def asks_for_info(query: Query) -> bool:
    """Say whether a score alone does not decide which values are meant."""
    return bool(query.filters) or (query.published_after_ms, query.published_before_ms) != (
        None,
        None,
    )


def unseen_score_max(
    rule: Rule, dense: Ranking, literal: Ranking, lexical_unseen: float | None
) -> float | None:
    """Return what a value that was not looked at could score at most; None: all were looked at.

    Args:
        rule: how values are scored.
        dense: the nearest passages, at least as near as `rule.cosine_min`.
        literal: the nearest of those with every word.
        lexical_unseen: what words of unseen passages score at most; None: all were looked at.
    """
    bounds: list[float] = []
    words = rule.weights.lexical * (lexical_unseen or 0.0)
    if rule.weights.dense == 0:
        return None if lexical_unseen is None else words
    if dense.floor is not None:
        bounds.append(rule.weights.dense * dense.floor + words)
    elif lexical_unseen is not None:
        bounds.append(rule.weights.dense * rule.cosine_min + words)
    if literal.floor is not None:
        bounds.append(rule.weights.dense * max(LITERAL_COSINE, literal.floor) + words)
    return max(bounds, default=None)


def is_enough(
    rule: Rule, scores: Sequence[float], wanted: int, unseen_max: float | None, passages: int
) -> bool:
    """Say whether more passages would change nothing that is answered, or must not be asked for."""
    if unseen_max is None or not rule.matches(unseen_max) or passages >= PASSAGES_MAX:
        return True
    return len(scores) >= wanted and scores[wanted - 1] >= unseen_max


def unsure_max(passages: int, top_k: int) -> int:
    """Return how many values a round looks up that only some of its searches found."""
    return max(UNSURE_MAX, 2 * top_k) * passages // PASSAGES_FIRST


def within_budget(
    candidates: Iterable[tuple[Sized, int]], top_k: int, tokens_max: int | None
) -> tuple[list[Sized], int]:
    """Return what is answered of candidates, best first, and how many are not.

    One that is too large is passed over; smaller ones after it may still fit.
    """
    chosen: list[Sized] = []
    omitted = 0
    tokens_left = tokens_max
    for candidate, tokens in candidates:
        if len(chosen) == top_k or (tokens_left is not None and tokens > tokens_left):
            omitted += 1
            continue
        chosen.append(candidate)
        tokens_left = None if tokens_left is None else tokens_left - tokens
    return chosen, omitted


def inside(sizes_bytes: Iterable[int], size_bytes_max: int) -> list[bool]:
    """Return which contents, best first, travel inside an answer of bounded size."""
    left = size_bytes_max
    fits: list[bool] = []
    for size_bytes in sizes_bytes:
        fits.append(size_bytes <= left)
        left -= size_bytes if fits[-1] else 0
    return fits
