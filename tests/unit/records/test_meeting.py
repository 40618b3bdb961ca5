"""Whether a value meets a need: thresholds, filters and exclusions, all at once."""

import pytest

from contex.records import Exclusion, Need
from contex.records.meeting import (
    Evidence,
    ExclusionPlace,
    Sense,
    exclusion_statements,
    is_conditional,
    met,
    passes,
    texts,
)

DOCUMENTS = Need("API documents", 0.3, {"env": ("prod", "test")}, (Exclusion("deprecated", 0.25),))
PROD = {"env": "prod"}
ABOUT_IT, TOLD_BETTER = ExclusionPlace(0, 0, Sense.ALONE), ExclusionPlace(0, 0, Sense.WITH_NEED)


def scores(alone: float, with_need: float) -> dict[ExclusionPlace, float]:
    return {ABOUT_IT: alone, TOLD_BETTER: with_need}


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence({0: 0.4}, {}, PROD), {0: 0.4}),
        (Evidence({0: 0.29}, {}, PROD), {}),
        (Evidence({0: 0.3 - 1e-6}, {}, PROD), {0: 0.3 - 1e-6}),
        (Evidence({}, {}, PROD), {}),
        (Evidence({0: 0.4}, {}, {"env": "dev"}), {}),
        (Evidence({0: 0.4}, {}, {}), {}),
        (Evidence({0: 0.4}, scores(0.3, 0.5), PROD), {}),
        (Evidence({0: 0.4}, scores(0.25, 0.4), PROD), {}),
        (Evidence({0: 0.4}, scores(0.24, 0.5), PROD), {0: 0.4}),
        (Evidence({0: 0.4}, scores(0.9, 0.39), PROD), {0: 0.4}),
        (Evidence({0: 0.4}, {ABOUT_IT: 0.9}, PROD), {0: 0.4}),
        (Evidence({0: 0.4}, {TOLD_BETTER: 0.9}, PROD), {0: 0.4}),
    ],
)
def test_a_value_meets_a_need(evidence: Evidence, expected: dict[int, float]) -> None:
    assert met([(0, DOCUMENTS)], evidence) == expected


def test_each_need_is_met_on_its_own() -> None:
    needs = [(0, DOCUMENTS), (1, Need("deprecated API documents", 0.3)), (2, DOCUMENTS)]

    found = met(needs, Evidence({0: 0.4, 1: 0.6, 2: 0.4}, scores(0.5, 0.6), PROD))

    # The exclusion's scores are those of the first need; nothing is known of the third one's.
    assert found == {1: 0.6, 2: 0.4}


def test_one_of_several_exclusions_is_enough() -> None:
    need = Need("soup", 0.3, exclusions=(Exclusion("fish", 0.2), Exclusion("meat", 0.2)))
    meat = {ExclusionPlace(0, 1, sense): 0.5 for sense in Sense}

    assert met([(0, need)], Evidence({0: 0.4}, meat)) == {}
    assert met([(0, need)], Evidence({0: 0.6}, meat)) == {0: 0.6}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"env": "prod", "team": "x"}, True),
        ({"env": "test", "team": "x", "more": "y"}, True),
        ({"env": "prod"}, False),
        ({"env": "prod", "team": "X"}, False),
        ({}, False),
    ],
)
def test_every_label_must_have_one_of_its_texts(metadata: dict[str, str], expected: bool) -> None:
    assert passes({"env": ("prod", "test"), "team": ("x",)}, metadata) is expected
    assert passes({}, metadata)


def test_what_is_embedded_names_the_needs_first_and_every_exclusion_twice() -> None:
    needs = (Need("soup", 0.5, exclusions=(Exclusion("fish", 0.1), Exclusion("meat"))), DOCUMENTS)

    assert texts(needs) == [
        "soup",
        "API documents",
        "fish",
        "fish soup",
        "meat",
        "meat soup",
        "deprecated",
        "deprecated API documents",
    ]
    assert [(one.place, one.threshold) for one in exclusion_statements(needs)] == [
        (ExclusionPlace(0, 0, Sense.ALONE), 0.1),
        (ExclusionPlace(0, 0, Sense.WITH_NEED), 0.5),
        (ExclusionPlace(0, 1, Sense.ALONE), 0.25),
        (ExclusionPlace(0, 1, Sense.WITH_NEED), 0.5),
        (ExclusionPlace(1, 0, Sense.ALONE), 0.25),
        (ExclusionPlace(1, 0, Sense.WITH_NEED), 0.3),
    ]


def test_a_need_of_text_alone_has_no_conditions() -> None:
    assert [is_conditional(need) for need in (Need("x"), DOCUMENTS)] == [False, True]
    assert is_conditional(Need("x", filters={"a": ("b",)}))
    assert is_conditional(Need("x", exclusions=(Exclusion("y"),)))
