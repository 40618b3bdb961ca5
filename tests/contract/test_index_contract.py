"""What every index does, whichever engine is behind it: scopes, keys, clients."""

from uuid import uuid4

import pytest
from index_engines import (
    Opened,
    agent,
    chunks,
    fresh_scope,
    one_need,
    unit_vectors,
    value_keys,
)

from contex.index.memory import MemoryIndex
from contex.index.port import Index
from contex.index.types import (
    AgentHead,
    NeedSearch,
    ValueHead,
    ValueSearch,
)
from contex.records.names import Scope, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need

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
