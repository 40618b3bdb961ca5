"""What every index does, whichever engine is behind it."""

import asyncio
import random
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from index_engines import DIMENSIONS, Opened, agent, fresh_scope, unit_vectors, value_keys

from contex.index.memory import MemoryIndex
from contex.index.port import Index
from contex.index.types import (
    AgentHead,
    AgentNeeds,
    NeedHit,
    NeedSearch,
    ValueChunks,
    ValueHead,
    ValueSearch,
)
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import INLINE_BYTES_MAX, Value
from contex.records.registration import NEED_CHARACTERS_MAX, Need

TOLERANCE = 1e-5
AWKWARD_KEYS = [
    "plain",
    "plain/with/slashes",
    "Schlüssel/ключ/鍵/🔑",
    "é",
    "e\u0301",
    " spaces and 'quotes' \"double\" ",
    '{"json": [1, 2]}',
    "%2F..//",
    "ü" * 256,
]


@pytest.fixture
def index(opened: Opened) -> Index:
    return opened.index


@pytest.fixture
def scope() -> Scope:
    return fresh_scope()


@pytest.fixture
def key(scope: Scope) -> ValueKey:
    return ValueKey(scope, "value")


def chunks(key: ValueKey, revision: int, count: int = 1, value: Value | None = None) -> ValueChunks:
    return ValueChunks(key, revision, unit_vectors(count, revision), value)


def one_need(key: AgentKey, epoch: int, vector: int = 0, threshold: float = 0.9) -> AgentNeeds:
    need = Need(f"need of epoch {epoch}", threshold)
    return AgentNeeds(key, epoch, (need,), unit_vectors(1, vector))


async def test_the_id_stays_and_is_the_same_for_racing_callers(opened: Opened) -> None:
    others = [opened.another() for _ in range(8)]
    ids = await asyncio.gather(*(one.prepare() for one in others))
    assert set(ids) == {await opened.index.prepare()}
    assert ids[0]


async def test_ping_answers(index: Index) -> None:
    await index.ping()


async def test_heads_that_do_not_exist_are_left_out(
    index: Index, key: ValueKey, scope: Scope
) -> None:
    assert await index.value_heads([key]) == {}
    assert await index.value_heads([]) == {}
    assert await index.agent_heads([agent(scope)]) == {}


async def test_a_value_head_is_read_as_it_was_written(index: Index, scope: Scope) -> None:
    heads = {
        ValueKey(scope, "a"): ValueHead(2**40, "hash", tokens=17),
        ValueKey(scope, "b"): ValueHead(0, "", complete=True, deleted=True),
    }
    await index.switch_value_heads(heads)
    assert await index.value_heads(list(heads)) == heads
    only = ValueKey(scope, "b")
    assert await index.value_heads([only]) == {only: heads[only]}


@pytest.mark.parametrize(("revision", "wins"), [(4, False), (5, False), (6, True)])
async def test_a_value_head_switches_to_newer_revisions_only(
    index: Index, key: ValueKey, revision: int, wins: bool
) -> None:
    first, second = ValueHead(5, "first", complete=True), ValueHead(revision, "second")
    await index.switch_value_heads({key: first})
    await index.switch_value_heads({key: second})
    assert await index.value_heads([key]) == {key: second if wins else first}


async def test_one_call_switches_each_head_on_its_own_condition(index: Index, scope: Scope) -> None:
    older, newer, absent = value_keys(scope, ["older", "newer", "absent"])
    await index.switch_value_heads({older: ValueHead(1, "old"), newer: ValueHead(9, "old")})
    await index.switch_value_heads({one: ValueHead(5, "new") for one in (older, newer, absent)})
    heads = await index.value_heads([older, newer, absent])
    assert {one.data_key: head.revision for one, head in heads.items()} == {
        "older": 5,
        "newer": 9,
        "absent": 5,
    }


async def test_more_heads_than_fit_one_request(index: Index, scope: Scope) -> None:
    heads = {
        one: ValueHead(number, f"hash {number}")
        for number, one in enumerate(value_keys(scope, [f"value {n}" for n in range(1_100)]))
    }
    await index.switch_value_heads(heads)
    assert await index.value_heads(list(heads)) == heads


async def test_the_newest_of_32_racing_switches_wins(
    opened: Opened, key: ValueKey, scope: Scope
) -> None:
    clients = [opened.another() for _ in range(4)]
    versions = list(range(32))
    random.Random(7).shuffle(versions)
    await asyncio.gather(
        *(
            clients[version % 4].switch_value_heads({key: ValueHead(version, f"hash {version}")})
            for version in versions
        ),
        *(
            clients[version % 4].switch_agent_head(agent(scope), AgentHead(version))
            for version in versions
        ),
    )
    assert await opened.index.value_heads([key]) == {key: ValueHead(31, "hash 31")}
    assert await opened.index.agent_heads([agent(scope)]) == {agent(scope): AgentHead(31)}


async def test_racing_switches_never_go_back(opened: Opened, key: ValueKey) -> None:
    clients = [opened.another() for _ in range(4)]
    seen: list[int] = []

    async def switch(version: int) -> None:
        client = clients[version % 4]
        await client.switch_value_heads({key: ValueHead(version, "hash")})
        held = (await client.value_heads([key]))[key].revision
        assert held >= version, f"expected at least {version}, got {held}"
        seen.append(held)

    await asyncio.gather(*(switch(version) for version in range(32)))
    assert max(seen) == 31


async def test_a_head_is_completed_only_at_its_revision(index: Index, scope: Scope) -> None:
    at, behind, absent = value_keys(scope, ["at", "behind", "absent"])
    head = ValueHead(5, "hash", tokens=3)
    await index.switch_value_heads({at: head, behind: head})
    await index.complete_value_heads({at: 5, behind: 4, absent: 1})
    assert await index.value_heads([at, behind, absent]) == {
        at: replace(head, complete=True),
        behind: head,
    }


async def test_where_the_log_holds_a_content_is_noted_for_the_revision_alone(
    index: Index, scope: Scope
) -> None:
    at, behind, absent = value_keys(scope, ["at", "behind", "absent"])
    head = ValueHead(5, "hash")
    await index.switch_value_heads({at: head, behind: head})
    await index.note_stored({at: (5, 9), behind: (4, 9), absent: (1, 9)})
    await index.note_stored({at: (5, 8)})

    heads = await index.value_heads([at, behind, absent])

    assert {at: 9, behind: 5} == {key: one.readable for key, one in heads.items()}
    await index.switch_value_heads({at: ValueHead(12, "other")})
    assert (await index.value_heads([at]))[at].readable == 12


async def test_a_newer_revision_is_not_complete(index: Index, key: ValueKey) -> None:
    await index.switch_value_heads({key: ValueHead(1, "one")})
    await index.complete_value_heads({key: 1})
    await index.switch_value_heads({key: ValueHead(2, "two")})
    assert not (await index.value_heads([key]))[key].complete


async def test_older_chunks_are_found_in_order_and_deleted(index: Index, scope: Scope) -> None:
    several, single, newest, absent = value_keys(scope, ["several", "single", "newest", "none"])
    await index.put_chunks(
        [chunks(several, 2, 3), chunks(several, 1, 2), chunks(several, 3), chunks(single, 1)]
    )
    await index.put_chunks([chunks(newest, 3)])
    asked = dict.fromkeys((several, single, newest, absent), 3)
    older = await index.older_chunks(asked)
    assert set(older) == {several, single}
    expected = np.concatenate([unit_vectors(2, 1), unit_vectors(3, 2)])
    np.testing.assert_allclose(older[several], expected, atol=1e-6)
    assert older[several].dtype == np.float32
    await index.delete_older_chunks(asked)
    assert await index.older_chunks(asked) == {}
    left = await index.older_chunks(dict.fromkeys(asked, 4))
    assert {one.data_key: len(rows) for one, rows in left.items()} == {"several": 1, "newest": 1}


async def test_older_chunks_of_more_keys_than_fit_one_filter(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number}" for number in range(150)])
    await index.put_chunks([chunks(one, 1) for one in keys])
    asked = dict.fromkeys(keys, 2)
    assert set(await index.older_chunks(asked)) == set(keys)
    await index.delete_older_chunks(asked)
    assert await index.older_chunks(asked) == {}


async def test_a_value_of_the_most_chunks(index: Index, key: ValueKey) -> None:
    await index.put_chunks([chunks(key, 1, 2_048, Value(bytes(INLINE_BYTES_MAX)))])
    older = await index.older_chunks({key: 2})
    np.testing.assert_allclose(older[key], unit_vectors(2_048, 1), atol=1e-6)
    hits = await index.matching_values(
        ValueSearch(key.scope, (Need("any", -1.0),), unit_vectors(1, 5))
    )
    best = float((unit_vectors(2_048, 1) @ unit_vectors(1, 5)[0]).max())
    assert [(hit.key, hit.revision) for hit in hits] == [(key, 1)]
    assert hits[0].scores[0] == pytest.approx(best, abs=TOLERANCE)


async def test_chunks_written_twice_are_there_once(index: Index, key: ValueKey) -> None:
    for _ in range(2):
        await index.put_chunks([chunks(key, 1, 3)])
    assert len((await index.older_chunks({key: 2}))[key]) == 3


async def test_values_are_kept_whole(index: Index, scope: Scope) -> None:
    kept = {
        "large": Value(random.Random(1).randbytes(INLINE_BYTES_MAX), "application/octet-stream"),
        "text": Value("Grüße, 世界 \x00".encode(), None, {"Ursprung": "Tür 🚪", "empty": ""}),
        "empty": Value(b"", ""),
    }
    written = [chunks(ValueKey(scope, name), 7, 2, value) for name, value in kept.items()]
    await index.put_chunks(written)
    asked = {one.key: 7 for one in written}
    assert await index.values(asked) == {one.key: one.value for one in written}


async def test_values_that_are_not_there_are_left_out(index: Index, scope: Scope) -> None:
    here, large, gone, other = value_keys(scope, ["here", "large", "gone", "other"])
    value = Value(b"content")
    await index.put_chunks(
        [
            chunks(here, 1, value=value),
            chunks(large, 1),
            chunks(gone, 1, value=value),
            chunks(other, 1, value=value),
        ]
    )
    await index.delete_older_chunks({gone: 2})
    assert await index.values({here: 1, large: 1, gone: 1, other: 2}) == {here: value}
    assert await index.values({}) == {}


async def test_more_values_than_fit_one_request_either_way(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number}" for number in range(230)])
    written = [chunks(one, 1, value=Value(one.data_key.encode() * 2_000)) for one in keys]
    await index.put_chunks(written)
    assert await index.values(dict.fromkeys(keys, 1)) == {one.key: one.value for one in written}


@pytest.mark.parametrize(("epoch", "wins"), [(4, False), (5, False), (6, True)])
async def test_an_agent_head_switches_to_newer_epochs_only(
    index: Index, scope: Scope, epoch: int, wins: bool
) -> None:
    first, second = AgentHead(5), AgentHead(epoch, deleted=True)
    await index.switch_agent_head(agent(scope), first)
    await index.switch_agent_head(agent(scope), second)
    assert await index.agent_heads([agent(scope)]) == {agent(scope): second if wins else first}


async def test_agent_and_value_of_one_name_have_heads_of_their_own(
    index: Index, scope: Scope
) -> None:
    await index.switch_agent_head(agent(scope, "same"), AgentHead(3))
    assert await index.value_heads([ValueKey(scope, "same")]) == {}


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
    needs = (Need("Ä" * NEED_CHARACTERS_MAX, 0.123456789), Need("", -1.0))
    await index.put_needs(AgentNeeds(agent(scope), 8, needs, unit_vectors(2, 0)))
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


async def test_all_values_and_revisions_that_meet_any_need(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number:03}" for number in range(260)])
    await index.put_chunks([chunks(one, 1, 2, Value(b"content")) for one in keys])
    await index.put_chunks([chunks(keys[0], 2)])
    needs = (Need("any", -1.0), Need("revision 2", 0.99), Need("nothing", 1.5))
    vectors = np.concatenate([unit_vectors(1, 9), unit_vectors(1, 2), unit_vectors(1, 9)])
    hits = await index.matching_values(ValueSearch(scope, needs, vectors))
    assert [(hit.key, hit.revision) for hit in hits] == [
        (keys[0], 1),
        (keys[0], 2),
        *((one, 1) for one in keys[1:]),
    ]
    best = float((unit_vectors(2, 1) @ unit_vectors(1, 9)[0]).max())
    assert set(hits[0].scores) == {0}
    assert hits[0].scores[0] == pytest.approx(best, abs=TOLERANCE)
    assert hits[1].scores[1] == pytest.approx(1.0, abs=TOLERANCE)


@pytest.mark.promise(6)
async def test_the_same_names_in_two_tenants_never_meet(index: Index) -> None:
    tenant = f"tenant-{uuid4().hex}"
    here = Scope(tenant, "project")
    others = [Scope(f"{tenant}x", "project"), Scope(tenant, "project2")]
    for scope in (here, *others):
        key = ValueKey(scope, "value")
        await index.put_chunks([chunks(key, 1, value=Value(str(scope).encode()))])
        await index.switch_value_heads({key: ValueHead(1, str(scope))})
        await index.put_needs(one_need(agent(scope), 1))
        await index.switch_agent_head(agent(scope), AgentHead(1))
    (hits,) = await index.matching_needs([NeedSearch(here, unit_vectors(1, 0))])
    assert {hit.agent.scope for hit in hits} == {here}
    found = await index.matching_values(ValueSearch(here, (Need("any", -1.0),), unit_vectors(1, 1)))
    assert {hit.key.scope for hit in found} == {here}
    mine = ValueKey(here, "value")
    await index.delete_older_chunks({mine: 2})
    await index.delete_older_needs(agent(here), 2)
    await index.switch_value_heads({mine: ValueHead(2, "new")})
    await index.switch_agent_head(agent(here), AgentHead(2))
    for scope in others:
        key = ValueKey(scope, "value")
        assert set(await index.older_chunks({key: 2})) == {key}
        assert await index.values({key: 1}) == {key: Value(str(scope).encode())}
        assert (await index.value_heads([key]))[key].revision == 1
        assert (await index.agent_heads([agent(scope)]))[agent(scope)].epoch == 1
        (left,) = await index.matching_needs([NeedSearch(scope, unit_vectors(1, 0))])
        assert len(left) == 1


async def test_awkward_keys_name_values_of_their_own(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, AWKWARD_KEYS)
    for number, key in enumerate(keys):
        await index.put_chunks([chunks(key, 1, value=Value(key.data_key.encode()))])
        await index.switch_value_heads({key: ValueHead(number, key.data_key)})
    heads = await index.value_heads(keys)
    assert {key: head.content_hash for key, head in heads.items()} == {
        key: key.data_key for key in keys
    }
    hits = await index.matching_values(ValueSearch(scope, (Need("any", -1.0),), unit_vectors(1, 1)))
    assert {hit.key for hit in hits} == set(keys)
    await index.delete_older_chunks({keys[0]: 2})
    assert set(await index.older_chunks(dict.fromkeys(keys, 2))) == set(keys[1:])
    assert set(await index.values(dict.fromkeys(keys, 1))) == set(keys[1:])


async def test_a_write_is_seen_by_every_client_when_it_returns(
    opened: Opened, key: ValueKey
) -> None:
    other = opened.another()
    for revision in range(1, 30):
        await opened.index.put_chunks([chunks(key, revision, value=Value(str(revision).encode()))])
        await opened.index.switch_value_heads({key: ValueHead(revision, "hash")})
        assert (await other.value_heads([key]))[key].revision == revision
        assert set(await other.values({key: revision})) == {key}
        await other.delete_older_chunks({key: revision})
        assert await opened.index.older_chunks({key: revision}) == {}


def test_the_twin_suspends_exactly_once_per_call_before_it_acts() -> None:
    class Pause:
        def __await__(self):  # type: ignore[no-untyped-def] # noqa: ANN204 - a bare generator
            yield "paused"

    async def pause() -> None:
        await Pause()

    twin = MemoryIndex(pause=pause)
    key = ValueKey(fresh_scope(), "value")
    switching = twin.switch_value_heads({key: ValueHead(1, "hash")})
    assert switching.send(None) == "paused"
    reading = twin.value_heads([key])
    reading.send(None)
    with pytest.raises(StopIteration) as before:
        reading.send(None)
    assert before.value.value == {}
    with pytest.raises(StopIteration):
        switching.send(None)
