"""The loop over a log in memory: it pauses, seeks and resumes as Kafka does."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection

import pytest

from contex.records.message import Received
from contex.webhooks.lanes import Lanes
from contex.webhooks.loop import DeliveryLoop
from contex.webhooks.ports import Offsets, Partition

UPDATES = "updates"
LANE = "lane"
T0_S = 1_700_000_000.0


class MemoryFeed:
    """One member's partitions: an in-memory twin of the consumer."""

    def __init__(self, *partitions: Partition) -> None:
        self.log: dict[Partition, list[Received]] = {one: [] for one in partitions}
        self.position: dict[Partition, int] = dict.fromkeys(partitions, 0)
        self.paused: set[Partition] = set()
        self.committed: dict[Partition, int] = {}
        self.holds = 0

    def append(self, partition: Partition, timestamp_s: float = T0_S, key: str = "a") -> None:
        topic, number = partition
        records = self.log[partition]
        records.append(
            Received(topic, number, len(records), int(timestamp_s * 1000), key.encode(), b"1234")
        )

    @property
    def assigned(self) -> frozenset[Partition]:
        return frozenset(self.log)

    async def poll(self, records_max: int, timeout_s: float) -> list[Received]:
        assert timeout_s >= 0
        batch: list[Received] = []
        for one, records in self.log.items():
            if one not in self.paused:
                batch += records[self.position[one] :][: records_max - len(batch)]
                self.position[one] = batch[-1].offset + 1 if batch else self.position[one]
                if batch:
                    break
        await asyncio.sleep(0)
        return batch

    async def pause(self, partitions: Collection[Partition]) -> None:
        self.paused |= set(partitions)

    async def resume(self, partitions: Collection[Partition]) -> None:
        self.paused -= set(partitions)

    async def hold(self, offsets: Offsets) -> None:
        self.holds += 1
        self.paused |= set(offsets)
        self.position.update(offsets)

    async def commit(self, offsets: Offsets) -> None:
        self.committed.update(offsets)


class Clock:
    def __init__(self) -> None:
        self.now_s = T0_S

    def __call__(self) -> float:
        return self.now_s


async def unwanted(received: Received, /, *, slow: bool) -> None:
    pytest.fail(f"expected nothing to be put off, got {received.offset}, {slow=}")


def loop_of(
    work: Callable[[Received], Awaitable[None]], clock: Clock, records_max: int = 1_000
) -> DeliveryLoop:
    return DeliveryLoop(Lanes({LANE: 5}), UPDATES, work, unwanted, clock, records_max=records_max)


async def turns(loop: DeliveryLoop, feed: MemoryFeed, count: int = 20) -> None:
    for _ in range(count):
        await loop.turn(feed)
        await asyncio.sleep(0)


async def test_lane_records_are_worked_when_due_and_never_before() -> None:
    clock, done = Clock(), defaultdict[float, list[int]](list)

    async def work(received: Received) -> None:
        done[clock.now_s - T0_S].append(received.offset)

    feed = MemoryFeed((LANE, 0), (UPDATES, 0))
    loop = loop_of(work, clock)
    for offset in range(4):
        feed.append((LANE, 0), T0_S + offset)
    for _ in range(20):
        await turns(loop, feed, 5)
        clock.now_s += 0.5

    assert dict(done) == {5.0: [0], 6.0: [1], 7.0: [2], 8.0: [3]}
    assert feed.holds == 4


async def test_a_held_lane_does_not_hold_the_updates() -> None:
    clock, done = Clock(), list[str]()

    async def work(received: Received) -> None:
        done.append(received.topic)

    feed = MemoryFeed((LANE, 0), (UPDATES, 0))
    loop = loop_of(work, clock)
    feed.append((LANE, 0))
    feed.append((UPDATES, 0))
    await turns(loop, feed)

    assert done == [UPDATES]


async def test_what_is_finished_is_committed() -> None:
    clock = Clock()

    async def work(_received: Received) -> None:
        await asyncio.sleep(0)

    feed = MemoryFeed((UPDATES, 0))
    loop = loop_of(work, clock)
    for _ in range(3):
        feed.append((UPDATES, 0))
    async with asyncio.timeout(60):
        while feed.committed != {(UPDATES, 0): 3}:
            await turns(loop, feed, 1)
            await asyncio.sleep(0.05)


async def test_reading_stops_when_enough_is_under_way_and_goes_on_later() -> None:
    clock, gate, begun = Clock(), asyncio.Event(), list[int]()

    async def work(received: Received) -> None:
        begun.append(received.offset)
        await gate.wait()

    feed = MemoryFeed((UPDATES, 0), (LANE, 0))
    loop = loop_of(work, clock, records_max=4)
    feed.append((LANE, 0))  # held, and to be held still when reading goes on
    await turns(loop, feed, 2)
    for number in range(4):
        feed.append((UPDATES, 0), key=str(number))
    await turns(loop, feed, 2)
    for number in range(4, 8):
        feed.append((UPDATES, 0), key=str(number))
    await turns(loop, feed)

    assert sorted(begun) == [0, 1, 2, 3]
    assert feed.paused == {(UPDATES, 0), (LANE, 0)}
    gate.set()
    await turns(loop, feed)
    assert sorted(begun) == list(range(8))
    assert feed.paused == {(LANE, 0)}
    clock.now_s += 5
    await turns(loop, feed)
    assert begun[-1] == 0
    assert feed.paused == set()


async def test_a_lane_that_becomes_due_while_there_is_no_room_waits_for_room() -> None:
    clock, gate, done = Clock(), asyncio.Event(), list[str]()

    async def work(received: Received) -> None:
        await gate.wait()
        done.append(received.topic)

    feed = MemoryFeed((UPDATES, 0), (LANE, 0))
    loop = loop_of(work, clock, records_max=2)
    feed.append((LANE, 0))
    await turns(loop, feed, 3)
    for number in range(2):
        feed.append((UPDATES, 0), key=str(number))
    await turns(loop, feed, 3)
    clock.now_s += 60
    await turns(loop, feed, 3)

    assert (LANE, 0) in feed.paused
    gate.set()
    await turns(loop, feed)
    assert done == [UPDATES, UPDATES, LANE]


async def test_a_partition_that_leaves_is_given_up_with_its_finished_prefix() -> None:
    clock, gate = Clock(), asyncio.Event()

    async def work(received: Received) -> None:
        if received.offset == 1:
            await gate.wait()

    feed = MemoryFeed((UPDATES, 0), (LANE, 0))
    loop = loop_of(work, clock)
    feed.append((LANE, 0))
    for _ in range(3):
        feed.append((UPDATES, 0))
    await turns(loop, feed)
    asyncio.get_running_loop().call_later(0.01, gate.set)

    assert await loop.leave(frozenset({(UPDATES, 0), (LANE, 0)})) == {(UPDATES, 0): 2}


async def test_stopping_returns_the_finished_prefix() -> None:
    async def work(_received: Received) -> None:
        await asyncio.sleep(0)

    feed = MemoryFeed((UPDATES, 0))
    loop = loop_of(work, Clock())
    feed.append((UPDATES, 0))
    await turns(loop, feed)

    assert await loop.stop() == {(UPDATES, 0): 1}


async def test_a_lane_record_that_is_put_off_is_overdue_no_longer() -> None:
    clock, put_off, gate = Clock(), list[int](), asyncio.Event()

    async def work(_received: Received) -> None:
        await gate.wait()

    async def later(received: Received, /, *, slow: bool) -> None:
        assert not slow, "expected a lack of room"
        await asyncio.sleep(0)
        put_off.append(received.offset)

    feed, lanes = MemoryFeed((LANE, 0)), Lanes({LANE: 5})
    loop = DeliveryLoop(lanes, UPDATES, work, later, clock, records_max=80)
    for _ in range(60):
        feed.append((LANE, 0), T0_S - 10)
    await turns(loop, feed)

    assert put_off == list(range(50, 60))
    gate.set()
    await turns(loop, feed)
    assert lanes.overdue_s(int(clock.now_s * 1000)) == {LANE: 0.0}
