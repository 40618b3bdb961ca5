"""What every index does with needs and exclusions, and how they are found."""

from dataclasses import replace

import numpy as np
import pytest
from index_engines import (
    DIMENSIONS,
    Opened,
    agent,
    fresh_scope,
    one_need,
    unit_vectors,
)

from contex.index.port import Index
from contex.index.types import (
    AgentNeeds,
    NeedHit,
    NeedSearch,
    ValueSearch,
)
from contex.records.meeting import exclusion_statements
from contex.records.names import AgentKey, Scope
from contex.records.registration import NEED_CHARACTERS_MAX, Exclusion, Need

TOLERANCE = 1e-5


@pytest.fixture
def index(opened: Opened) -> Index:
    return opened.index


@pytest.fixture
def scope() -> Scope:
    return fresh_scope()


async def test_needs_of_an_older_epoch_are_deleted(index: Index, scope: Scope) -> None:
    for epoch in (1, 2, 3):
        await index.put_needs(one_need(agent(scope), epoch))
    await index.put_needs(one_need(agent(scope, "other"), 1))
    await index.delete_older_needs(agent(scope), 3)
    (hits,) = await index.matching_needs([NeedSearch(scope, unit_vectors(1, 0))])
    assert [(hit.agent.agent_id, hit.epoch) for hit in hits] == [("agent", 3), ("other", 1)]


async def test_an_agent_without_needs(index: Index, scope: Scope) -> None:
    empty = np.zeros((0, DIMENSIONS), dtype=np.float32)
    await index.put_needs(AgentNeeds(agent(scope), 1, (), empty))
    assert await index.matching_values(ValueSearch(scope, (), empty)) == []
    assert await index.matching_needs([NeedSearch(scope, unit_vectors(1, 0))]) == [[]]


async def test_a_need_is_read_as_it_was_written(index: Index, scope: Scope) -> None:
    needs = (
        Need("Ä" * NEED_CHARACTERS_MAX, 0.123456789),
        Need("", -1.0),
        Need("a", -1.0, {"env": ("prod", "Tür 🚪"), "": ("",)}),
        Need("b", -1.0, {}, (Exclusion("Ö" * NEED_CHARACTERS_MAX, 0.3), Exclusion("", -1.0))),
    )
    await index.put_needs(AgentNeeds(agent(scope), 8, needs, unit_vectors(8, 0)))
    (hits,) = await index.matching_needs([NeedSearch(scope, unit_vectors(2, 0))])
    assert [hit.need for hit in hits] == list(needs)
    assert hits[0].score == pytest.approx(1.0, abs=TOLERANCE)
    assert hits[0] == NeedHit(agent(scope), 8, 0, needs[0], hits[0].score)


@pytest.mark.promise(4)
async def test_all_of_1000_needs_with_thresholds_of_their_own(index: Index, scope: Scope) -> None:
    vectors = unit_vectors(1_000, 3)
    searched = unit_vectors(4, 4)
    cosines = (vectors.astype(np.float64) @ searched.T.astype(np.float64)).max(axis=1)
    # A third meets exactly, a third by a little, a third misses by a little.
    offsets = [0.0, -10 * TOLERANCE, 10 * TOLERANCE]
    thresholds = [float(cosines[n]) + offsets[n % 3] for n in range(1_000)]
    for start in range(0, 1_000, 100):
        needs = tuple(Need(f"need {n}", thresholds[n]) for n in range(start, start + 100))
        key = agent(scope, f"agent-{start:04}")
        await index.put_needs(AgentNeeds(key, 1, needs, vectors[start : start + 100]))
    (hits,) = await index.matching_needs([NeedSearch(scope, searched)])
    found = {hit.need.text: hit for hit in hits}
    assert len(found) == len(hits), "a need was returned twice"
    assert set(found) == {f"need {n}" for n in range(1_000) if n % 3 != 2}
    for number in range(1_000):
        if number % 3 != 2:
            hit = found[f"need {number}"]
            assert hit.score == pytest.approx(cosines[number], abs=TOLERANCE)
            assert hit.score >= hit.need.threshold


@pytest.mark.promise(4)
async def test_every_need_of_a_scope_where_all_meet(index: Index, scope: Scope) -> None:
    for number in range(9):
        needs = tuple(Need(f"need {n}", -1.0) for n in range(100))
        await index.put_needs(
            AgentNeeds(agent(scope, f"agent-{number}"), 1, needs, unit_vectors(100, number))
        )
    (hits,) = await index.matching_needs([NeedSearch(scope, unit_vectors(3, 50))])
    assert len(hits) == 900
    assert hits == sorted(hits, key=lambda hit: (hit.agent, hit.epoch, hit.ordinal))


async def test_several_searches_in_one_call(index: Index) -> None:
    scopes = [fresh_scope() for _ in range(3)]
    for number, scope in enumerate(scopes):
        await index.put_needs(one_need(agent(scope, f"agent-{number}"), 1, vector=number))
    searches = [NeedSearch(scope, unit_vectors(1, n)) for n, scope in enumerate(scopes)]
    elsewhere = NeedSearch(fresh_scope(), unit_vectors(2, 0))
    answers = await index.matching_needs([*searches, elsewhere])
    assert [[hit.agent.agent_id for hit in hits] for hits in answers] == [
        ["agent-0"],
        ["agent-1"],
        ["agent-2"],
        [],
    ]
    assert await index.matching_needs([]) == []


def needs_with_exclusions(key: AgentKey, epoch: int, seed: int) -> AgentNeeds:
    """Return needs of two, no and one exclusions; their readings have thresholds of their own."""
    needs = (
        Need("a", 0.9, {}, (Exclusion("x", 0.2), Exclusion("y", -0.3))),
        Need("b", 0.9),
        Need("c", -1.0, {}, (Exclusion("z", 0.1),)),
    )
    return AgentNeeds(key, epoch, needs, unit_vectors(9, seed))


async def test_exclusions_are_found_by_thresholds_of_their_own(index: Index, scope: Scope) -> None:
    written = [
        needs_with_exclusions(agent(scope, f"agent-{number:02}"), epoch, number + 100 * epoch)
        for number in range(60)
        for epoch in (1, 2)
    ]
    for needs in written:
        await index.put_needs(needs)
    searched = unit_vectors(3, 7)
    expected = {
        (needs.key, needs.epoch, statement.place): float((searched @ vector).max())
        for needs in written
        for statement, vector in zip(
            exclusion_statements(needs.needs), needs.vectors[3:], strict=True
        )
        if float((searched @ vector).max()) >= statement.threshold
    }
    assert 200 < len(expected) < 700, "expected some readings to be reached and some not"

    (hits,) = await index.matching_exclusions([NeedSearch(scope, searched)])

    found = {(hit.agent, hit.epoch, hit.place): hit.score for hit in hits}
    assert len(found) == len(hits), "a reading was returned twice"
    assert found == pytest.approx(expected, abs=TOLERANCE)
    assert hits == sorted(hits, key=lambda hit: (hit.agent, hit.epoch, hit.place))


async def test_exclusions_are_no_needs_and_needs_no_exclusions(index: Index, scope: Scope) -> None:
    needs = needs_with_exclusions(agent(scope), 1, 3)
    await index.put_needs(needs)

    (as_needs,) = await index.matching_needs([NeedSearch(scope, needs.vectors)])
    (as_exclusions,) = await index.matching_exclusions([NeedSearch(scope, needs.vectors)])

    assert [(hit.ordinal, hit.need) for hit in as_needs] == list(enumerate(needs.needs))
    assert [hit.place for hit in as_exclusions] == [
        statement.place for statement in exclusion_statements(needs.needs)
    ]


async def test_exclusions_of_an_older_epoch_or_another_scope_are_not_found(
    index: Index, scope: Scope
) -> None:
    for epoch in (1, 2):
        await index.put_needs(needs_with_exclusions(agent(scope), epoch, 3))
    elsewhere = fresh_scope()
    await index.put_needs(needs_with_exclusions(agent(elsewhere), 1, 3))

    await index.delete_older_needs(agent(scope), 2)

    search = NeedSearch(scope, unit_vectors(9, 3))
    here, there = await index.matching_exclusions([search, replace(search, scope=elsewhere)])
    assert {(hit.agent, hit.epoch) for hit in here} == {(agent(scope), 2)}
    assert {(hit.agent, hit.epoch) for hit in there} == {(agent(elsewhere), 1)}
    assert await index.matching_exclusions([]) == []
