"""A tail on a real log: order, back-pressure, positions, what ends it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from processes import DEADLINE_S

from contex.log.admin import Cluster, TopicState
from contex.log.producer import Producer
from contex.log.tail import Batch, Tail
from contex.records.message import Message

PARTITIONS = 3


@pytest.fixture
def topic(bootstrap: str) -> str:
    name = f"tail-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(name, PARTITIONS, 1)])
    return name


@pytest.fixture
async def producer(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap)
    await producer.start()
    yield producer
    await producer.stop()


class Collector:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self._moved = asyncio.Condition()

    async def __call__(self, batch: Batch) -> None:
        self.batches.append(batch)
        async with self._moved:
            self._moved.notify_all()

    @property
    def offsets(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for batch in self.batches:
            for record in batch.records:
                found.setdefault(record.partition, []).append(record.offset)
        return found

    @property
    def positions(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for batch in self.batches:
            found.update(batch.positions)
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self._moved:
            await self._moved.wait_for(condition)


def flight(count: int) -> list[Message]:
    return [Message(f"{number}".encode(), b"v") for number in range(count)]


async def test_follows_every_partition_in_order_from_its_offset(
    bootstrap: str, topic: str, producer: Producer
) -> None:
    await producer.send_all(topic, flight(300))
    ends = await asyncio.to_thread(Cluster(bootstrap).end_offsets, topic)
    sink = Collector()
    tail = Tail(bootstrap, topic, sink)
    tail.start({0: 5, 2: 0})
    await sink.until(lambda: sink.positions == {0: ends[0], 2: ends[2]})
    assert sink.offsets == {0: [*range(5, ends[0])], 2: [*range(ends[2])]}
    receipts = await producer.send_all(topic, flight(50))
    later = sum(receipt.partition in {0, 2} for receipt in receipts)
    await sink.until(lambda: sum(map(len, sink.offsets.values())) == ends[0] - 5 + ends[2] + later)
    await tail.stop()
    await tail.ended()


async def test_an_empty_partition_has_a_position(bootstrap: str, topic: str) -> None:
    sink = Collector()
    tail = Tail(bootstrap, topic, sink)
    tail.start({1: 0})
    await sink.until(lambda: sink.positions == {1: 0})
    assert sink.offsets == {}
    await tail.stop()


async def test_a_busy_sink_gets_one_batch_at_a_time(
    bootstrap: str, topic: str, producer: Producer
) -> None:
    busy = 0
    most = 0
    seen = 0
    done = asyncio.Event()

    async def sink(batch: Batch) -> None:
        nonlocal busy, most, seen
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.005)
        busy -= 1
        seen += len(batch.records)
        if seen == 2_000:
            done.set()

    await producer.send_all(topic, flight(2_000))
    tail = Tail(bootstrap, topic, sink)
    tail.start(dict.fromkeys(range(PARTITIONS), 0))
    await asyncio.wait_for(done.wait(), DEADLINE_S)
    assert most == 1
    await tail.stop()


async def test_stopping_does_not_wait_for_a_stuck_sink(bootstrap: str, topic: str) -> None:
    stuck = asyncio.Event()

    async def sink(_batch: Batch) -> None:
        stuck.set()
        await asyncio.Event().wait()

    tail = Tail(bootstrap, topic, sink)
    tail.start({0: 0})
    await asyncio.wait_for(stuck.wait(), DEADLINE_S)
    await asyncio.wait_for(tail.stop(), DEADLINE_S)


async def test_a_sinks_error_ends_it_and_is_told(bootstrap: str, topic: str) -> None:
    async def sink(_batch: Batch) -> None:
        raise ZeroDivisionError

    tail = Tail(bootstrap, topic, sink)
    tail.start({0: 0})
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(tail.ended(), DEADLINE_S)
    await tail.stop()
