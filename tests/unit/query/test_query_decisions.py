"""Scores, thresholds, what is enough, and what fits."""

import pytest

from contex.index.queries import Ranking
from contex.index.types import ValueInfo
from contex.query.decide import (
    LITERAL_COSINE,
    PASSAGES_MAX,
    Rule,
    asks_for_info,
    inside,
    is_enough,
    passes_info,
    rule_of,
    unseen_score_max,
    within_budget,
)
from contex.query.types import Evidence, Mode, Query, Weights

BOTH = Rule(Weights(1.0, 0.1), 0.34)
ALL = Ranking()


@pytest.mark.parametrize(
    ("asked", "weights", "threshold"),
    [
        (Query("q"), Weights(1.0, 0.1), 0.34),
        (Query("q", mode=Mode.DENSE), Weights(1.0, 0.0), 0.34),
        (Query("q", mode=Mode.LEXICAL), Weights(0.0, 1.0), 0.0),
        (Query("q", threshold=0.0), Weights(1.0, 0.1), 0.0),
        (Query("q", mode=Mode.LEXICAL, threshold=0.5), Weights(0.0, 1.0), 0.5),
        (Query("q", weights=Weights(0.5, 0.25)), Weights(0.5, 0.25), 0.17),
    ],
)
def test_each_mode_has_its_weights_and_its_threshold(
    asked: Query, weights: Weights, threshold: float
) -> None:
    rule = rule_of(asked)
    assert rule.weights == weights
    assert rule.threshold == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("evidence", "score"),
    [
        (Evidence(dense=0.4, lexical=0.5), 0.45),
        (Evidence(dense=0.4, lexical=0.0), 0.4),
        (Evidence(dense=0.1, lexical=0.5, literal=True), LITERAL_COSINE + 0.05),
        (Evidence(dense=0.8, lexical=0.5, literal=True), 0.85),
    ],
)
def test_a_score_is_made_of_meaning_and_words(evidence: Evidence, score: float) -> None:
    assert BOTH.score(evidence) == pytest.approx(score)


def test_what_is_below_every_cosine_that_matters_does_not_match() -> None:
    rule = Rule(Weights(1.0, 1.0), 0.1)
    assert not rule.matches(rule.score(Evidence(dense=None, lexical=0.99)))


def test_words_alone_match_only_if_there_are_any() -> None:
    rule = rule_of(Query("q", mode=Mode.LEXICAL))
    assert not rule.matches(rule.score(Evidence(lexical=0.0)))
    assert rule.matches(rule.score(Evidence(lexical=0.01)))


def test_the_least_cosine_leaves_room_for_the_best_words() -> None:
    assert BOTH.cosine_min == pytest.approx(0.24)
    assert Rule(Weights(0.1, 1.0), 0.34).cosine_min == -1.0
    assert Rule(Weights(0.0, 1.0), 0.34).cosine_min == -1.0


@pytest.mark.parametrize(
    ("dense", "literal", "lexical", "expected"),
    [
        (ALL, ALL, None, None),
        (Ranking(floor=0.5), ALL, None, 0.5),
        (Ranking(floor=0.5), ALL, 0.4, 0.54),
        (ALL, ALL, 0.4, 0.28),
        (ALL, Ranking(floor=0.2), None, LITERAL_COSINE),
        (ALL, Ranking(floor=0.7), 0.4, 0.74),
    ],
)
def test_what_was_not_looked_at_is_bounded(
    dense: Ranking, literal: Ranking, lexical: float | None, expected: float | None
) -> None:
    bound = unseen_score_max(BOTH, dense, literal, lexical)
    assert bound == (None if expected is None else pytest.approx(expected))


def test_words_alone_are_bounded_by_words_alone() -> None:
    rule = Rule(Weights(0.0, 2.0), 0.0)
    assert unseen_score_max(rule, ALL, ALL, None) is None
    assert unseen_score_max(rule, ALL, ALL, 0.25) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("scores", "unseen", "passages", "expected"),
    [
        ([], None, 1, True),
        ([], 0.33, 1, True),
        ([0.9, 0.5], 0.5, 1, True),
        ([0.9, 0.4], 0.5, 1, False),
        ([0.9], 0.5, 1, False),
        ([0.9], 0.5, PASSAGES_MAX, True),
    ],
    ids=[
        "all was looked at",
        "the rest cannot match",
        "the best are known",
        "a better one may be among the rest",
        "filters left too few",
        "never more than the most",
    ],
)
def test_when_it_is_enough(
    scores: list[float], unseen: float | None, passages: int, expected: bool
) -> None:
    assert is_enough(BOTH, scores, 2, unseen, passages) is expected


@pytest.mark.parametrize(
    ("top_k", "tokens_max", "chosen", "omitted"),
    [
        (5, None, "abcd", 0),
        (2, None, "ab", 2),
        (5, 100, "abd", 1),
        (5, 10, "a", 3),
        (5, 5, "", 4),
        (1, 100, "a", 3),
    ],
)
def test_a_budget_is_filled_best_first_and_what_is_too_large_is_passed_over(
    top_k: int, tokens_max: int | None, chosen: str, omitted: int
) -> None:
    sized = [("a", 10), ("b", 60), ("c", 50), ("d", 30)]
    assert within_budget(sized, top_k, tokens_max) == (list(chosen), omitted)


def test_contents_travel_inside_while_there_is_room() -> None:
    assert inside([60, 50, 40, 1], 100) == [True, False, True, False]
    assert inside([], 100) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Query("q"), True),
        (Query("q", filters={"team": ("sre", "web")}), True),
        (Query("q", filters={"team": ("web",)}), False),
        (Query("q", filters={"team": ("sre",), "level": ("1",)}), False),
        (Query("q", filters={"team": ()}), False),
        (Query("q", published_after_ms=1_000), True),
        (Query("q", published_after_ms=1_001), False),
        (Query("q", published_before_ms=1_001), True),
        (Query("q", published_before_ms=1_000), False),
    ],
)
def test_filters_and_times(asked: Query, expected: bool) -> None:
    info = ValueInfo(metadata={"team": "sre"}, published_at_ms=1_000)
    assert passes_info(asked, info) is expected
    assert asks_for_info(asked) is (asked != Query("q"))
