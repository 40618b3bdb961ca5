import asyncio
import random
from collections import defaultdict
from collections.abc import Callable

import pytest

from contex.records.message import Received
from contex.webhooks.flow import Flow
from contex.webhooks.slots import Slots, endpoint_of

UPDATES = "updates"
LANE = "lane"


def record(offset: int, key: str = "a", topic: str = UPDATES, partition: int = 0) -> Received:
    return Received(topic, partition, offset, 0, key.encode(), b"1234")


async def unwanted(received: Received, /, *, slow: bool) -> None:
    pytest.fail(f"expected nothing to be put off, got {received.offset}, {slow=}")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - any step of the loop may bring it about
            await asyncio.sleep(0)


async def settled(flow: Flow) -> None:
    await until(lambda: flow.records == 0)
    flow.check()


async def test_first_attempts_of_one_agent_follow_one_another_in_order() -> None:
    seen: dict[bytes, list[int]] = defaultdict(list)
    working: set[bytes] = set()
    chance = random.Random(7)

    async def work(received: Received) -> None:
        assert received.key is not None
        assert received.key not in working
        working.add(received.key)
        for _ in range(chance.randrange(5)):
            await asyncio.sleep(0)
        working.remove(received.key)
        seen[received.key].append(received.offset)

    flow = Flow(work, unwanted, {UPDATES})
    for offset in range(200):
        flow.admit(record(offset, key=f"agent{offset % 7}"))
    await settled(flow)

    for agent, offsets in seen.items():
        assert offsets == sorted(offsets), f"{agent!r} out of order"
    assert sum(map(len, seen.values())) == 200
    assert flow.committable() == {(UPDATES, 0): 200}


async def test_a_retry_waits_for_nobody() -> None:
    gate = asyncio.Event()
    done: list[int] = []

    async def work(received: Received) -> None:
        if received.offset == 0:
            await gate.wait()
        done.append(received.offset)

    flow = Flow(work, unwanted, {UPDATES})
    flow.admit(record(0, topic=LANE))
    flow.admit(record(1, topic=LANE))
    await until(lambda: done == [1])

    assert flow.committable() == {}
    gate.set()
    await settled(flow)
    assert flow.committable() == {(LANE, 0): 2}


async def test_the_commit_never_passes_an_unfinished_record() -> None:
    gates = {offset: asyncio.Event() for offset in range(3)}

    async def work(received: Received) -> None:
        await gates[received.offset].wait()

    flow = Flow(work, unwanted, {UPDATES})
    for offset in range(3):
        flow.admit(record(offset, key=f"agent{offset}"))
    gates[2].set()
    gates[1].set()
    await until(lambda: flow.records == 1)

    assert flow.committable() == {}
    gates[0].set()
    await settled(flow)
    assert flow.committable() == {(UPDATES, 0): 3}


async def test_it_is_full_at_its_bounds_and_roomy_at_three_quarters() -> None:
    gates = {offset: asyncio.Event() for offset in range(10)}

    async def work(received: Received) -> None:
        await gates[received.offset].wait()

    by_count = Flow(work, unwanted, {UPDATES}, records_max=4)
    by_size = Flow(work, unwanted, {UPDATES}, size_bytes_max=16)
    for flow in (by_count, by_size):
        for offset in range(4):
            assert not flow.full
            flow.admit(record(offset, key=str(offset)))
        assert flow.full
        assert not flow.roomy
    gates[0].set()
    await until(lambda: by_count.records == by_size.records == 3)

    assert by_count.roomy
    assert by_size.roomy
    for gate in gates.values():
        gate.set()
    await settled(by_count)
    await settled(by_size)


async def test_leaving_drops_what_has_not_begun_and_commits_what_is_finished() -> None:
    gate = asyncio.Event()
    begun: list[int] = []

    async def work(received: Received) -> None:
        begun.append(received.offset)
        if received.offset >= 1:
            await gate.wait()

    flow = Flow(work, unwanted, {UPDATES})
    for offset in range(4):
        flow.admit(record(offset))
    flow.admit(record(0, topic=UPDATES, partition=1, key="b"))
    await until(lambda: 1 in begun)

    offsets = await flow.leave([(UPDATES, 0)], timeout_s=0.01)

    assert offsets == {(UPDATES, 0): 1}
    gate.set()
    await settled(flow)
    assert begun.count(2) == begun.count(3) == 0
    assert flow.committable() == {(UPDATES, 1): 1}


async def test_leaving_finishes_what_stands_before_what_was_begun() -> None:
    """The agents a and b take turns in one partition; a is slower and has more behind it."""
    gate = asyncio.Event()
    begun: list[int] = []

    async def work(received: Received) -> None:
        begun.append(received.offset)
        if received.key == b"a":
            await gate.wait()

    flow = Flow(work, unwanted, {UPDATES})
    for offset, key in enumerate("ababaa"):
        flow.admit(record(offset, key=key))
    await until(lambda: begun == [0, 1, 3])
    asyncio.get_running_loop().call_later(0.01, gate.set)

    assert await flow.leave([(UPDATES, 0)], timeout_s=60) == {(UPDATES, 0): 4}
    assert begun == [0, 1, 3, 2]


async def test_leaving_waits_for_what_is_under_way() -> None:
    gate = asyncio.Event()

    async def work(_received: Received) -> None:
        await gate.wait()

    flow = Flow(work, unwanted, {UPDATES})
    flow.admit(record(0))
    asyncio.get_running_loop().call_later(0.01, gate.set)

    assert await flow.leave([(UPDATES, 0)], timeout_s=60) == {(UPDATES, 0): 1}


async def test_what_returns_after_it_left_is_tracked_anew() -> None:
    gate = asyncio.Event()

    async def work(received: Received) -> None:
        if received.offset == 0:
            await gate.wait()

    flow = Flow(work, unwanted, {UPDATES})
    flow.admit(record(0))
    assert await flow.leave([(UPDATES, 0)], timeout_s=0) == {}
    flow.admit(record(0))
    flow.admit(record(1))
    gate.set()
    await settled(flow)

    assert flow.committable() == {(UPDATES, 0): 2}


async def test_stopping_ends_what_does_not_finish() -> None:
    async def work(received: Received) -> None:
        if received.offset:
            await asyncio.Event().wait()

    flow = Flow(work, unwanted, {UPDATES})
    flow.admit(record(0, key="a"))
    flow.admit(record(1, key="b"))

    assert await flow.stop(timeout_s=0.01) == {(UPDATES, 0): 1}
    assert flow.records == 0


async def test_an_exception_of_the_work_ends_everything() -> None:
    async def work(_received: Received) -> None:
        raise RuntimeError("a bug")

    flow = Flow(work, unwanted, {UPDATES})
    flow.admit(record(0))
    await until(lambda: flow.records == 0)
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="a bug"):
        flow.check()
    assert flow.committable() == {}


async def test_slots_bound_each_endpoint_and_all_of_them() -> None:
    slots = Slots(in_flight_max=6, per_endpoint_max=2)
    under_way: dict[str, int] = defaultdict(int)
    peaks: dict[str, int] = defaultdict(int)
    all_peak = 0

    async def request(url: str) -> None:
        nonlocal all_peak
        async with slots.taken(url):
            under_way[url] += 1
            peaks[url] = max(peaks[url], under_way[url])
            all_peak = max(all_peak, sum(under_way.values()))
            for _ in range(3):
                await asyncio.sleep(0)
            under_way[url] -= 1

    urls = [f"http://host{number}/" for number in range(5)]
    await asyncio.gather(*(request(url) for url in urls for _ in range(10)))

    assert set(peaks.values()) == {2}
    assert all_peak == 6
    assert slots.endpoints == 0


async def test_a_hanging_endpoint_takes_no_slot_from_others() -> None:
    slots = Slots(in_flight_max=6, per_endpoint_max=2)
    hanging = asyncio.Event()

    async def hang() -> None:
        async with slots.taken("http://dead/"):
            await hanging.wait()

    tasks = [asyncio.create_task(hang()) for _ in range(50)]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_once(slots))
    hanging.set()
    await asyncio.gather(*tasks)


async def _once(slots: Slots) -> None:
    async with slots.taken("http://alive/"):
        await asyncio.sleep(0)


def test_an_endpoint_is_scheme_host_and_port() -> None:
    assert endpoint_of("https://a.example/x?y") == endpoint_of("https://A.example/z")
    assert endpoint_of("https://a.example:1/") != endpoint_of("https://a.example:2/")
    assert endpoint_of("http://a.example/") != endpoint_of("https://a.example/")
    assert endpoint_of("http://a:x/") == "http://a:x/"
