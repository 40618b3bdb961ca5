"""The labelled set of the exclusions has both kinds of everything, and what is counted is right."""

import pytest

from benchmarks.exclusions import RULES, Case, Heard, Wording, listen, load, matched, shipped, tally
from contex.embedding.deterministic import DeterministicEmbedder
from contex.records import Exclusion, Need
from contex.records.meeting import ExclusionPlace, Sense

CASES = load()
SUBSET = tuple(case for case in CASES if case.need in {"customer orders", "coffee"})


def one_heard(
    score: float, alone: float, with_need: float, *, own: bool = True, excluded: bool = True
) -> Heard:
    need = Need("orders", exclusions=(Exclusion("cancelled"),))
    scores = {
        ExclusionPlace(0, 0, Sense.ALONE): alone,
        ExclusionPlace(0, 0, Sense.WITH_NEED): with_need,
    }
    return Heard(need, Wording.SHORT, own, excluded, score, scores)


def test_the_set_is_of_the_size_that_is_reported() -> None:
    values = [value for case in CASES for value in case.values]
    assert len(CASES) == 22
    assert [case.part for case in CASES] == ["chosen"] * 14 + ["check"] * 8
    assert len(values) == 90
    assert sum(value.excluded for value in values) == 45
    assert len({case.need for case in CASES}) == 22


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.need)
def test_every_need_has_both_wordings_and_both_kinds_of_values(case: Case) -> None:
    assert set(case.exclusions) == set(Wording)
    assert len(set(case.exclusions.values())) == 2
    assert all(text.strip() for text in (case.need, *case.exclusions.values()))
    assert {value.excluded for value in case.values} == {True, False}
    assert len({value.data_key for value in case.values}) == len(case.values)


def test_every_value_is_scored_for_every_exclusion_in_both_wordings() -> None:
    heard = list(listen(SUBSET, DeterministicEmbedder(recipe="test")))
    assert len(heard) == 8 * len(SUBSET) * len(Wording)
    assert sum(one.own for one in heard) == 8 * len(Wording)
    decaf = [one for one in heard if one.own and one.need.exclusions[0].text == "decaf"]
    said = {one.excluded: one.by(Sense.ALONE) for one in decaf}
    assert said[True] > said[False], "a value that says the word scores more than one that does not"


def test_what_is_kept_out_rightly_wrongly_and_by_anothers_is_counted() -> None:
    heard = [
        one_heard(0.5, 0.3, 0.6),
        one_heard(0.5, 0.3, 0.4),
        one_heard(0.5, 0.3, 0.6, excluded=False),
        one_heard(0.5, 0.1, 0.6, excluded=False),
        one_heard(0.5, 0.3, 0.6, own=False, excluded=False),
        one_heard(0.5, 0.1, 0.6, own=False, excluded=False),
        one_heard(0.5, 0.3, 0.6, own=False),
    ]
    told = tally(shipped, heard, Wording.SHORT)
    assert (told.kept_out, told.wrongly, told.excluded, told.by_anothers) == (1, 1, 2, 0.5)
    assert told.f1 == pytest.approx(0.5)
    assert tally(shipped, heard, Wording.LONG).excluded == 0


def test_the_rules_differ_where_the_page_says_they_do() -> None:
    near = one_heard(0.8, 0.5, 0.7)
    bare = one_heard(0.5, 0.26, 0.6)
    never = one_heard(0.3, 0.1, 0.4)
    decided = [[rule(one) for rule in RULES.values()] for one in (near, bare, never)]
    assert decided == [
        [True, True, False, False, False],
        [False, True, False, True, True],
        [False, False, False, True, False],
    ]


def test_a_value_that_the_need_does_not_reach_is_not_counted_as_kept_out() -> None:
    heard = [one_heard(0.5, 0.3, 0.6), one_heard(0.5, 0.1, 0.6), one_heard(0.2, 0.3, 0.6)]
    assert matched(heard, Wording.SHORT, excluded=True) == (3, 2, 1)
