"""The group consumer on a real broker: holding, committing, handing over, and giving up."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from contex.errors import DependencyAway
from contex.local.kafka import Broker
from contex.log.admin import Cluster, TopicState
from contex.log.consumer import Consumer, Offsets, Partition
from contex.log.failures import LogMisuse
from contex.log.producer import Producer
from contex.records.message import Message, Received
from contex.webhooks.lanes import Admission, Lanes
from contex.webhooks.loop import DeliveryLoop

PARTITIONS = 4
DEADLINE_S = 30.0
LANE_S = 15


async def nothing(_partitions: frozenset[Partition]) -> Offsets:
    return {}


@pytest.fixture
def topic(bootstrap: str) -> str:
    name = f"consumer-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(name, PARTITIONS, 1)])
    return name


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.kill()


async def fill(bootstrap: str, topic: str, count: int) -> None:
    producer = Producer(bootstrap)
    await producer.start()
    await producer.send_all(topic, [Message(f"{n}".encode(), b"x") for n in range(count)])
    await producer.stop()


async def read_until(
    consumer: Consumer, condition: Callable[[list[Received]], bool]
) -> list[Received]:
    found: list[Received] = []
    deadline = time.monotonic() + DEADLINE_S
    while not condition(found):
        assert time.monotonic() < deadline, f"read only {len(found)} records"
        found += await consumer.poll(100, 0.1)
    return found


async def test_every_record_comes_once_and_in_order(bootstrap: str, topic: str) -> None:
    await fill(bootstrap, topic, 200)
    consumer = Consumer(bootstrap, uuid.uuid4().hex, [topic], nothing)
    await consumer.start()
    found = await read_until(consumer, lambda found: len(found) >= 200)
    await consumer.stop({})

    for number in range(PARTITIONS):
        offsets = [one.offset for one in found if one.partition == number]
        assert offsets == list(range(len(offsets)))
    assert len(found) == 200


async def test_a_held_partition_is_silent_and_goes_on_from_its_offset(
    bootstrap: str, topic: str
) -> None:
    await fill(bootstrap, topic, 200)
    consumer = Consumer(bootstrap, uuid.uuid4().hex, [topic], nothing)
    await consumer.start()
    await read_until(consumer, lambda found: len(found) >= 200)
    held = {(topic, number): 3 for number in range(PARTITIONS)}

    await consumer.hold(held)
    assert [await consumer.poll(100, 0.1) for _ in range(5)] == [[]] * 5
    await consumer.resume(held)
    again = await read_until(consumer, lambda found: len(found) >= 200 - 3 * PARTITIONS)
    await consumer.stop({})

    for number in range(PARTITIONS):
        offsets = [one.offset for one in again if one.partition == number]
        assert offsets == list(range(3, 3 + len(offsets)))


async def test_the_next_member_goes_on_from_what_was_committed(bootstrap: str, topic: str) -> None:
    await fill(bootstrap, topic, 200)
    group = uuid.uuid4().hex
    first = Consumer(bootstrap, group, [topic], nothing)
    await first.start()
    await read_until(first, lambda found: len(found) >= 200)
    await first.commit({(topic, 0): 5, (topic, 1): 7})
    await first.stop({(topic, 2): 9})

    second = Consumer(bootstrap, group, [topic], nothing)
    await second.start()
    found = await read_until(second, lambda found: len(found) >= 200 - 5 - 7 - 9)
    await second.stop({})

    starts = {
        number: min(one.offset for one in found if one.partition == number) for number in range(4)
    }
    assert starts == {0: 5, 1: 7, 2: 9, 3: 0}


async def test_partitions_that_move_are_committed_before_they_leave(
    bootstrap: str, topic: str
) -> None:
    await fill(bootstrap, topic, 200)
    group, asked = uuid.uuid4().hex, list[frozenset[Partition]]()

    async def leave(partitions: frozenset[Partition]) -> Offsets:
        asked.append(partitions)
        await asyncio.sleep(0)
        return dict.fromkeys(partitions, 11)

    first = Consumer(bootstrap, group, [topic], leave)
    await first.start()
    await read_until(first, lambda found: len(found) >= 200)
    second = Consumer(bootstrap, group, [topic], nothing)
    await second.start()
    found: list[Received] = []
    deadline = time.monotonic() + DEADLINE_S
    while not found:
        assert time.monotonic() < deadline, "the second member was given nothing"
        await first.poll(100, 0.05)
        found += await second.poll(100, 0.05)

    moved = asked[0]
    assert second.assigned == moved
    assert not first.assigned & moved
    assert {(one.topic, one.partition) for one in found} <= moved
    assert min(one.offset for one in found) == 11
    await first.stop({})
    await second.stop({})


async def test_a_paused_partition_that_left_and_came_back_is_read_again(
    bootstrap: str, topic: str
) -> None:
    """What was believed about a partition ends with it: in the client as in whoever paused it."""
    group = uuid.uuid4().hex
    first = Consumer(bootstrap, group, [topic], nothing)
    second = Consumer(bootstrap, group, [topic], nothing)
    everything = frozenset((topic, number) for number in range(PARTITIONS))
    await first.start()
    await read_until(first, lambda _: first.assigned == everything)
    await first.pause(everything)
    await second.start()
    deadline = time.monotonic() + DEADLINE_S
    while not second.assigned:
        assert time.monotonic() < deadline, "the second member was given nothing"
        await first.poll(100, 0.05)
        await second.poll(100, 0.05)
    moved = second.assigned
    await second.stop({})
    await read_until(first, lambda _: first.assigned == everything)

    await fill(bootstrap, topic, 200)
    found = await read_until(
        first, lambda found: {(one.topic, one.partition) for one in found} >= moved
    )
    await first.stop({})
    assert {(one.topic, one.partition) for one in found} == moved, "what stayed is paused still"


class WatchedLanes(Lanes):
    """Tell of which partitions a record was read."""

    def __init__(self, delays_s: Mapping[str, int]) -> None:
        super().__init__(delays_s)
        self.read: set[Partition] = set()

    def admit(self, received: Received, now_ms: int) -> Admission:
        self.read.add((received.topic, received.partition))
        return super().admit(received, now_ms)


async def test_a_held_lane_goes_on_after_another_worker_came_and_went(
    bootstrap: str, topic: str
) -> None:
    now_s = [time.time()]  # it stands: no record that is written from here on becomes due
    await fill(bootstrap, topic, 200)
    updates = f"updates-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(updates, 1, 1)])
    group, done = uuid.uuid4().hex, set[tuple[int, int]]()

    async def deliver(received: Received) -> None:
        await asyncio.sleep(0)
        done.add((received.partition, received.offset))

    async def put_off(received: Received, /, *, slow: bool) -> None:
        pytest.fail(f"expected nothing to be put off, got {received.offset}, {slow=}")

    def member(lanes: Lanes) -> tuple[DeliveryLoop, Consumer]:
        loop = DeliveryLoop(lanes, updates, deliver, put_off, clock_s=lambda: now_s[0])
        return loop, Consumer(bootstrap, group, [topic, updates], loop.leave)

    async def turn_until(
        condition: Callable[[], bool], *members: tuple[DeliveryLoop, Consumer]
    ) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"got {len(done)} of 200 lane records"
            for loop, consumer in members:
                await loop.turn(consumer)

    lanes = WatchedLanes({topic: LANE_S})
    first, second = member(lanes), member(Lanes({topic: LANE_S}))
    await first[1].start()
    await turn_until(lambda: len(lanes.held) == PARTITIONS, first)
    await second[1].start()
    await turn_until(lambda: bool(second[1].assigned), first, second)
    moved = second[1].assigned - {(updates, 0)}
    lanes.read.clear()
    await second[1].stop(await second[0].stop())
    await turn_until(lambda: lanes.read >= moved, first)
    assert not done, "expected the lane to be held while the clock stands"
    now_s[0] = time.time() + LANE_S + 1
    await turn_until(lambda: len(done) == 200, first)
    await first[1].stop(await first[0].stop())


async def test_a_topic_that_does_not_exist_is_our_mistake(bootstrap: str) -> None:
    consumer = Consumer(bootstrap, uuid.uuid4().hex, [f"none-{uuid.uuid4().hex}"], nothing)
    await consumer.start()

    with pytest.raises(LogMisuse, match="were the topics applied"):
        await read_until(consumer, lambda _: False)
    await consumer.stop({})


async def test_brokers_that_stay_away_are_given_up_and_those_that_return_are_not(
    mortal: Broker,
) -> None:
    Cluster(mortal.bootstrap).create([TopicState("mortal", PARTITIONS, 1)])
    await fill(mortal.bootstrap, "mortal", 10)
    consumer = Consumer(mortal.bootstrap, "group", ["mortal"], nothing, away_s_max=120.0)
    await consumer.start()
    await read_until(consumer, lambda found: len(found) >= 10)

    await asyncio.to_thread(mortal.kill)
    for _ in range(3):
        await consumer.poll(100, 0.1)
    await asyncio.to_thread(mortal.start)
    await fill(mortal.bootstrap, "mortal", 10)
    await read_until(consumer, lambda found: len(found) >= 10)

    consumer._away_s_max = 8.0  # only now: a broker that starts may take longer
    await asyncio.to_thread(mortal.kill)
    started = time.monotonic()
    with pytest.raises(DependencyAway, match="Kafka has been away"):
        await read_until(consumer, lambda _: False)
    assert 8.0 <= time.monotonic() - started < DEADLINE_S
