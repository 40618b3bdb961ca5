"""The hub: who gets which record, who is cut, and when the house is full."""

import pytest
from memory_log import AGENT, OTHER, PARTITION, MemoryLog, tell

from contex.errors import DependencyAway
from contex.log.partitioner import partition_for
from contex.records.message import Received
from gateway.problems import Refusal
from gateway.updates.hub import End, Hub, Quiet, Subscription

KEY = str(AGENT).encode()
PARTITIONS = 12


def stay() -> None:
    return None


def start() -> int:
    return 0


def record(offset: int, size_bytes: int = 1) -> Received:
    return Received("contex.updates", PARTITION, offset, 0, KEY, b"x" * size_bytes)


def hub(position: int = 0, streams_max: int = 10) -> Hub:
    made = Hub(PARTITIONS, streams_max=streams_max)
    made.advance(PARTITION, position)
    return made


async def test_a_record_reaches_every_connection_of_its_agent_alone() -> None:
    log, shared = MemoryLog(), hub()
    with shared.subscribed(KEY, stay) as first, shared.subscribed(KEY, stay) as second:
        shared.dispatch(tell(log, 1, agent=OTHER))
        mine = tell(log, 2)
        shared.dispatch(mine)
        assert [await first.next(0), await second.next(0)] == [mine, mine]
        assert [await first.next(0), await second.next(0)] == [Quiet(2), Quiet(2)]
    shared.dispatch(tell(log, 3))
    assert await first.next(0) is End.DISCONNECTED, "who has left is told nothing more"


async def test_a_subscription_begins_at_the_tails_position() -> None:
    shared = hub(position=7)
    with shared.subscribed(KEY, stay) as subscription:
        assert subscription.from_offset == 7
    with pytest.raises(DependencyAway):
        Hub(PARTITIONS).position(PARTITION)


async def test_a_reader_too_many_updates_behind_is_cut() -> None:
    subscription = Subscription(start, stay, updates_max=2)
    assert [subscription.offer(record(offset)) for offset in range(4)] == [True, True, False, True]
    assert await subscription.next(0) is End.SLOW


async def test_a_reader_too_many_bytes_behind_is_cut_but_one_record_always_fits() -> None:
    subscription = Subscription(start, stay, size_bytes_max=10)
    assert subscription.offer(record(0, 100))
    assert await subscription.next(0) == record(0, 100)
    assert [subscription.offer(record(n, 6)) for n in (1, 2)] == [True, False]
    assert await subscription.next(0) is End.SLOW


async def test_bytes_that_were_read_count_no_more() -> None:
    subscription = Subscription(start, stay, size_bytes_max=10)
    for offset in range(50):
        assert subscription.offer(record(offset, 8))
        assert await subscription.next(0) is not None


async def test_the_first_reason_of_an_end_stands() -> None:
    subscription = Subscription(start, stay)
    subscription.end(End.GONE)
    subscription.end(End.CLOSING)
    assert await subscription.next(0) is End.GONE


async def test_a_jump_of_the_tail_cuts_the_streams_of_its_partition_alone() -> None:
    shared = hub(position=5)
    keys = (b"t/p/%d" % number for number in range(100))
    elsewhere = next(key for key in keys if partition_for(key, PARTITIONS) != PARTITION)
    for partition in range(PARTITIONS):
        shared.advance(partition, 5)
    with shared.subscribed(KEY, stay) as here, shared.subscribed(elsewhere, stay) as there:
        shared.dispatch(record(9))
        assert (here.ended, there.ended) == (End.SLOW, None)
    assert shared.position(PARTITION) == 10


async def test_a_sweep_ends_what_its_probe_condemns() -> None:
    shared = hub()
    with (
        shared.subscribed(KEY, lambda: End.GONE) as gone,
        shared.subscribed(KEY, stay) as staying,
    ):
        shared.sweep()
        assert (gone.ended, staying.ended) == (End.GONE, None)


def test_a_full_house_refuses_and_has_room_again() -> None:
    shared = hub(streams_max=1)
    with shared.slot():
        with pytest.raises(Refusal) as caught, shared.slot():
            pass
        assert caught.value.problem.status == 503
        assert caught.value.problem.headers == {"Retry-After": "5"}
    with shared.slot():
        pass


async def test_a_closing_house_ends_all_and_admits_none() -> None:
    shared = hub()
    with shared.subscribed(KEY, stay) as subscription:
        shared.close()
        assert await subscription.next(0) is End.CLOSING
    with shared.subscribed(KEY, stay) as late:
        assert late.ended is End.CLOSING
    with pytest.raises(Refusal), shared.slot():
        pass
