"""The embedded engine as a process: what it keeps, what it refuses, and how clients get over it."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from index_engines import DIMENSIONS, STOP_TIMEOUT_S, EngineProcess, fresh_scope, unit_vectors
from processes import eventually
from qdrant_client import grpc as wire

from contex.errors import DependencyAway
from contex.index.qdrant import QdrantIndex
from contex.index.schema import Schema
from contex.index.types import AgentNeeds, NeedSearch, ValueChunks, ValueHead
from contex.local.index_server import EXIT_IN_USE, EXIT_PORT_TAKEN
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need

RECONNECT_DEADLINE_S = 60.0
URL = "http://127.0.0.1"


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine of this test alone."""
    process = EngineProcess(tmp_path / "index")
    try:
        process.start()
        yield process
    finally:
        process.kill()


Connect = Callable[..., QdrantIndex]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens clients of an engine, closed at the end."""
    clients: list[QdrantIndex] = []

    def open_client(
        process: EngineProcess, fingerprint: str = "server", call_timeout_s: float = 10.0
    ) -> QdrantIndex:
        client = QdrantIndex(
            URL,
            process.port,
            fingerprint=fingerprint,
            dimensions=DIMENSIONS,
            call_timeout_s=call_timeout_s,
        )
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        await client.close()


async def back(attempt: Callable[[], Awaitable[object]]) -> float:
    """Repeat a call until the engine answers; return how long that took."""
    started = time.monotonic()
    while True:
        try:
            await attempt()
        except DependencyAway:
            assert time.monotonic() - started < RECONNECT_DEADLINE_S, "the client did not reconnect"
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - started


def chunk(key: ValueKey, revision: int) -> ValueChunks:
    return ValueChunks(key, revision, unit_vectors(2, revision), Value(str(revision).encode()))


async def test_what_was_written_survives_a_stop_and_so_does_the_id(
    own_engine: EngineProcess, connect: Connect
) -> None:
    index = connect(own_engine)
    before = await index.prepare()
    scope = fresh_scope()
    key = ValueKey(scope, "value")
    need = AgentNeeds(AgentKey(scope, "agent"), 1, (Need("a need", 0.9),), unit_vectors(1, 3))
    await index.put_chunks([chunk(key, 3)])
    await index.switch_value_heads({key: ValueHead(3, "hash", tokens=5)})
    await index.put_needs(need)
    assert own_engine.stop() == 0
    own_engine.start()
    await back(index.ping)
    assert await index.prepare() == before
    assert await index.value_heads([key]) == {key: ValueHead(3, "hash", tokens=5)}
    assert await index.values({key: 3}) == {key: Value(b"3")}
    (hits,) = await index.matching_needs([NeedSearch(scope, unit_vectors(2, 3))])
    assert [hit.need for hit in hits] == [Need("a need", 0.9)]


async def test_kill_loses_nothing_that_was_acknowledged(
    own_engine: EngineProcess, connect: Connect
) -> None:
    index = connect(own_engine)
    identity = await index.prepare()
    scope = fresh_scope()
    acknowledged: dict[ValueKey, int] = {}

    async def write(writer: int) -> None:
        for revision in range(1, 100_000):
            key = ValueKey(scope, f"writer {writer} value {revision % 40}")
            await index.put_chunks([chunk(key, revision)])
            await index.switch_value_heads({key: ValueHead(revision, f"hash {revision}")})
            await index.delete_older_chunks({key: revision})
            acknowledged[key] = revision

    for round_number in range(5):
        acknowledged.clear()
        writers = [asyncio.create_task(write(writer)) for writer in range(4)]
        await asyncio.to_thread(
            eventually, lambda: bool(acknowledged), "the engine acknowledges a write"
        )
        await asyncio.sleep(random.Random(round_number).uniform(0.2, 0.6))
        own_engine.kill()
        ends = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(end, DependencyAway) for end in ends), f"got {ends}"
        own_engine.start()
        await back(index.ping)
        heads = await index.value_heads(list(acknowledged))
        lost = {key: revision for key, revision in acknowledged.items() if key not in heads}
        assert not lost, f"expected {len(acknowledged)} heads, lost {len(lost)}"
        behind = [key for key, head in heads.items() if head.revision < acknowledged[key]]
        assert not behind, f"expected the acknowledged revisions, behind: {behind}"
        chunks = await index.older_chunks({key: head.revision + 1 for key, head in heads.items()})
        assert set(chunks) == set(acknowledged)
        scope = fresh_scope()
    assert await index.prepare() == identity


async def test_a_client_is_back_soon_after_a_kill(
    own_engine: EngineProcess, connect: Connect
) -> None:
    index = connect(own_engine)
    await index.prepare()
    for _ in range(3):
        own_engine.kill()
        with pytest.raises(DependencyAway, match="UNAVAILABLE"):
            await index.ping()
        own_engine.start()
        assert await back(index.ping) < 20


async def test_an_engine_that_hangs_counts_as_away(
    own_engine: EngineProcess, connect: Connect
) -> None:
    index = connect(own_engine, call_timeout_s=0.3)
    await index.prepare()
    assert own_engine.child is not None
    own_engine.child.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(DependencyAway, match="DEADLINE_EXCEEDED"):
        await index.value_heads([ValueKey(fresh_scope(), "value")])
    assert time.monotonic() - started < 8
    own_engine.child.send_signal(signal.SIGCONT)


async def test_racing_creators_get_one_id(engine: EngineProcess, connect: Connect) -> None:
    name = uuid4().hex
    creators = [connect(engine, name) for _ in range(6)]
    assert len(set(await asyncio.gather(*(one.prepare() for one in creators)))) == 1


async def test_an_index_that_was_deleted_gets_another_id(
    engine: EngineProcess, connect: Connect
) -> None:
    name = uuid4().hex
    index = connect(engine, name)
    before = await index.prepare()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{engine.port}") as channel:
        collections = wire.CollectionsStub(channel)  # type: ignore[no-untyped-call] # generated
        for one in Schema(name, DIMENSIONS).collections:
            await collections.Delete(wire.DeleteCollection(collection_name=one.name))
    with pytest.raises(DependencyAway, match="NOT_FOUND"):
        await index.value_heads([ValueKey(fresh_scope(), "value")])
    assert await index.prepare() != before


async def test_an_index_that_lost_a_part_is_refused(
    engine: EngineProcess, connect: Connect
) -> None:
    name = uuid4().hex
    index = connect(engine, name)
    await index.prepare()
    needs = Schema(name, DIMENSIONS).needs.name
    async with grpc.aio.insecure_channel(f"127.0.0.1:{engine.port}") as channel:
        collections = wire.CollectionsStub(channel)  # type: ignore[no-untyped-call] # generated
        await collections.Delete(wire.DeleteCollection(collection_name=needs))
    with pytest.raises(DependencyAway, match=f"has lost {needs}"):
        await index.prepare()


async def test_what_the_engine_cannot_do_is_named(engine: EngineProcess, connect: Connect) -> None:
    name = uuid4().hex
    await connect(engine, name).prepare()
    values = Schema(name, DIMENSIONS).values.name
    async with grpc.aio.insecure_channel(f"127.0.0.1:{engine.port}") as channel:
        points = wire.PointsStub(channel)  # type: ignore[no-untyped-call] # generated
        refused = {
            "/qdrant.Points/Facet": points.Facet(wire.FacetCounts(collection_name=values)),
            "ScrollPoints.order_by": points.Scroll(
                wire.ScrollPoints(collection_name=values, order_by=wire.OrderBy(key="revision"))
            ),
            "a query that is not nearest": points.QueryBatch(
                wire.QueryBatchPoints(
                    collection_name=values,
                    query_points=[wire.QueryPoints(query=wire.Query(sample=wire.Sample.Random))],
                )
            ),
            "the filter condition is_empty": points.Delete(
                wire.DeletePoints(
                    collection_name=values,
                    points=wire.PointsSelector(
                        filter=wire.Filter(
                            must=[wire.Condition(is_empty=wire.IsEmptyCondition(key="revision"))]
                        )
                    ),
                )
            ),
        }
        for what, call in refused.items():
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await call
            assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED
            assert what in str(refusal.value.details())


async def test_a_wrong_request_is_our_bug_and_not_an_engine_that_is_away(
    engine: EngineProcess, connect: Connect
) -> None:
    index = connect(engine)
    await index.prepare()
    key = ValueKey(fresh_scope(), "value")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await index.put_chunks([ValueChunks(key, 1, unit_vectors(1, 1, DIMENSIONS + 1), None)])
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_folder_is_served_by_one_process(engine: EngineProcess) -> None:
    second = EngineProcess(engine.folder)
    assert second.spawn().wait(STOP_TIMEOUT_S) == EXIT_IN_USE
    assert "in use by another process" in second.words()


def test_a_port_that_is_taken_is_named(engine: EngineProcess, tmp_path: Path) -> None:
    second = EngineProcess(tmp_path, port=engine.port)
    assert second.spawn().wait(STOP_TIMEOUT_S) == EXIT_PORT_TAKEN
    assert str(engine.port) in second.words()
