"""An agent whose endpoint hangs, in virtual time: it must leave room for all the others."""

import asyncio
from collections.abc import Callable

from contex.records.message import Received
from contex.webhooks.backlog import HELD_PER_HANGING_AGENT_MAX
from contex.webhooks.flow import Flow

UPDATES = "updates"
LANE = "lane"


def record(offset: int, key: str = "a", topic: str = UPDATES, partition: int = 0) -> Received:
    return Received(topic, partition, offset, 0, key.encode(), b"1234")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - any step of the loop may bring it about
            await asyncio.sleep(0)


async def settled(flow: Flow) -> None:
    await until(lambda: flow.records == 0)
    flow.check()


class HangingAgent:
    """The agent `a` never gets an answer, and each try takes 15 s; all others are quick."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timeouts = asyncio.Semaphore(0)
        self.done: list[tuple[bytes | None, int]] = []
        self.put_off: list[int] = []
        self.slow: list[bool] = []
        self.flow = Flow(self.work, self.later, {UPDATES}, clock_s=lambda: self.now_s)

    async def work(self, received: Received) -> None:
        if received.key == b"a":
            await self.timeouts.acquire()
        self.done.append((received.key, received.offset))

    async def later(self, received: Received, /, *, slow: bool) -> None:
        await asyncio.sleep(0)
        self.slow.append(slow)
        self.put_off.append(received.offset)

    async def time_out(self) -> None:
        """Let the try that is under way end, 15 s after it began."""
        before = len(self.done)
        self.now_s += 15
        self.timeouts.release()
        await until(lambda: len(self.done) > before)

    async def quiet(self) -> None:
        """Let everything happen that can."""
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_hanging_endpoint_with_1500_updates_leaves_room_for_the_others() -> None:
    hanging = HangingAgent()
    for offset in range(1_500):
        assert not hanging.flow.full, f"full at {offset}: every other agent would wait"
        hanging.flow.admit(record(offset))
        if offset % 100 == 99:
            await hanging.quiet()
    hanging.flow.admit(record(0, key="b", partition=1))
    await hanging.quiet()

    assert hanging.done == [(b"b", 0)]
    assert hanging.flow.committable() == {(UPDATES, 1): 1}
    await hanging.time_out()
    await hanging.quiet()
    assert hanging.flow.records == HELD_PER_HANGING_AGENT_MAX
    assert sorted(hanging.put_off) == list(range(5, 1_500))
    assert hanging.slow == [False] * 1_249 + [True] * 246, "slow is known once the first has ended"
    for offset in range(1, 5):
        await hanging.time_out()
        assert hanging.done[-1] == (b"a", offset), "the rest keeps its order"
    await settled(hanging.flow)
    assert hanging.flow.committable() == {(UPDATES, 0): 1_500, (UPDATES, 1): 1}


async def test_a_slow_agent_has_50_records_here_and_a_hanging_one_4() -> None:
    hanging = HangingAgent()
    hanging.flow.admit(record(0))
    await hanging.quiet()
    hanging.now_s = 2.0
    for offset in range(1, 60):
        hanging.flow.admit(record(offset))
    await hanging.quiet()
    assert hanging.put_off == list(range(50, 60))

    hanging.now_s = 10.0
    hanging.flow.admit(record(60))
    hanging.flow.admit(record(61, key="b"))
    await hanging.quiet()
    assert hanging.put_off[-1] == 60
    assert hanging.done == [(b"b", 61)]
    for _ in range(5):
        await hanging.time_out()
    await settled(hanging.flow)
    assert hanging.flow.committable() == {(UPDATES, 0): 62}


async def test_what_is_on_its_way_to_a_lane_does_not_stop_the_reading_for_long() -> None:
    """Many are put off at once: the flow is full, and must be roomy when they are gone."""
    hanging = HangingAgent()
    for offset in range(1_500):
        if hanging.flow.full:
            break
        hanging.flow.admit(record(offset))
    assert hanging.flow.full
    await hanging.quiet()

    assert hanging.flow.roomy, f"{hanging.flow.records} records are held by one agent"
    await hanging.flow.stop(0)


async def test_the_retries_of_a_hanging_endpoint_are_bounded_as_well() -> None:
    hanging = HangingAgent()
    hanging.flow.admit(record(0, topic=LANE))
    await hanging.quiet()
    hanging.now_s = 10.0
    for offset in range(1, 100):
        hanging.flow.admit(record(offset, topic=LANE))
    await hanging.quiet()

    assert hanging.flow.records == HELD_PER_HANGING_AGENT_MAX
    assert hanging.put_off == list(range(4, 100))
    await hanging.flow.stop(0)


async def test_an_agent_that_answers_again_is_bound_no_longer() -> None:
    hanging = HangingAgent()
    hanging.flow.admit(record(0))
    await hanging.quiet()
    await hanging.time_out()
    for offset in range(1, 100):
        hanging.timeouts.release()
        hanging.flow.admit(record(offset))
    await settled(hanging.flow)

    assert hanging.put_off == []
    assert [offset for _, offset in hanging.done] == list(range(100))


async def test_what_is_being_put_off_is_not_committed_before_it_is_elsewhere() -> None:
    hanging = HangingAgent()
    gate = asyncio.Event()

    async def later(received: Received, /, *, slow: bool) -> None:
        assert slow
        await gate.wait()
        hanging.put_off.append(received.offset)

    flow = Flow(hanging.work, later, {UPDATES}, clock_s=lambda: hanging.now_s)
    for offset in range(10):
        flow.admit(record(offset))
    await hanging.quiet()
    await hanging.time_out()
    for _ in range(4):
        await hanging.time_out()
    await hanging.quiet()

    assert flow.committable() == {(UPDATES, 0): 5}
    gate.set()
    await settled(flow)
    assert flow.committable() == {(UPDATES, 0): 10}
