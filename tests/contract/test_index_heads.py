"""What every index does with heads: which version of a value or an agent counts."""

import asyncio
import random
from dataclasses import replace

import pytest
from index_engines import (
    Opened,
    agent,
    fresh_scope,
    value_keys,
)

from contex.index.port import Index
from contex.index.types import (
    AgentHead,
    ValueHead,
)
from contex.records.names import Scope, ValueKey


@pytest.fixture
def index(opened: Opened) -> Index:
    return opened.index


@pytest.fixture
def scope() -> Scope:
    return fresh_scope()


@pytest.fixture
def key(scope: Scope) -> ValueKey:
    return ValueKey(scope, "value")


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
        ValueKey(scope, "c"): ValueHead(3, "c", complete=True, told={"matched": 3, "updated": 0}),
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
    told = {"matched": 2, "retracted": 10**6}
    await index.complete_value_heads({at: 5, behind: 4, absent: 1}, {at: told, behind: told})
    assert await index.value_heads([at, behind, absent]) == {
        at: replace(head, complete=True, told=told),
        behind: head,
    }
    await index.complete_value_heads({at: 5})
    assert (await index.value_heads([at]))[at].told == {}


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
