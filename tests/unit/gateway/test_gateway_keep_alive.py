"""Keep-alives under every order of timer and tail: no record is lost, no cursor passes one untold.

The loop's clock is the test's: a deadline falls due exactly when a step says so, in the very
iteration of the loop in which another step may dispatch a record.
"""

import asyncio
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_log import AGENT, OTHER, PARTITION, MemoryLog, register, services, tell

from contex.records.cursor import Cursor
from gateway import limits
from gateway.updates.hub import Hub
from gateway.updates.opening import Beginning
from gateway.updates.stream import Stream
from topology.catalogue import PARTITIONS, UPDATES

STEPS_MAX = 40
IDLE_TURNS = 10
"""More turns of the loop than a waiting reader needs to hand over what has come."""


class HeldLoop(asyncio.SelectorEventLoop):
    """Its time stands still until it is moved. Something must always be ready to run."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


class World:
    """One stream on a shared tail, its reader, and what has been written to it."""

    def __init__(self, loop: HeldLoop, write_turns: int) -> None:
        self.frames: list[bytes] = []
        self.log = MemoryLog()
        self.hub = Hub(PARTITIONS)
        self._loop = loop
        self._write_turns = write_turns
        epoch = register(self.log)
        self.hub.advance(PARTITION, 0)
        self._stream = Stream(
            services(self.log),
            self.hub,
            Beginning(self.log.known[AGENT].registration, epoch, Cursor(PARTITION, 0)),
            probe=lambda: None,
            catch_ups=asyncio.Semaphore(1),
        )

    async def read(self) -> None:
        async for frame in self._stream.frames():
            self.frames.append(frame)
            self._judge()
            for _ in range(self._write_turns):
                await asyncio.sleep(0)

    async def take(self, step: str) -> None:
        revision = len(self.log.partitions[UPDATES.name, PARTITION])
        if step == "turn":
            await asyncio.sleep(0)
        elif step == "late":
            self._loop.now_s += limits.STREAM_KEEP_ALIVE_INTERVAL_S + 1
        elif step == "mine":
            self.hub.dispatch(tell(self.log, revision))
        elif step == "soon":
            self._loop.call_soon(self.hub.dispatch, tell(self.log, revision))
            await asyncio.sleep(0)
        elif step == "other":
            self.hub.dispatch(tell(self.log, revision, agent=OTHER))
        else:
            assert step == "skipped", f"no such step: {step}"
            tell(self.log, revision)  # the log forgets it before the tail comes by

    async def idle(self) -> None:
        frames = -1
        while frames != len(self.frames):
            frames = len(self.frames)
            for _ in range(IDLE_TURNS + self._write_turns):
                await asyncio.sleep(0)

    def mine(self) -> list[int]:
        key = str(AGENT).encode()
        records = self.log.partitions[UPDATES.name, PARTITION]
        return [one.offset for one in records if one.key == key]

    def told(self) -> list[int]:
        lines = [line for frame in self.frames for line in frame.decode().splitlines()]
        data = [json.loads(line[6:])["data"] for line in lines if line.startswith("data: ")]
        return [one["items"][0]["revision"] for one in data]

    def _judge(self) -> None:
        """Whoever resumes from the newest cursor gets all that has not been told, and no more."""
        lines = self.frames[-1].decode().splitlines()
        for line in lines:
            if line.startswith("id: "):
                cursor = Cursor.parse(line[4:])
                expected = [offset for offset in self.mine() if offset < cursor.offset]
                assert self.told() == expected, (
                    f"cursor {cursor} says {expected} were told, got {self.told()}"
                )


async def play(loop: HeldLoop, steps: Sequence[str], write_turns: int) -> World:
    world = World(loop, write_turns)
    reader = asyncio.create_task(world.read())
    await world.idle()
    for step in steps:
        await world.take(step)
    await world.idle()
    world.hub.close()
    await reader
    return world


def outcome(steps: Sequence[str], write_turns: int = 0) -> World:
    loop = HeldLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(play(loop, steps, write_turns))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(["late", "mine"], id="record, then deadline"),
        pytest.param(["late", "soon"], id="record and deadline at once"),
        pytest.param(["late", "turn", "mine"], id="record just before the deadline is acted on"),
        pytest.param(["late", "turn", "turn", "mine"], id="record just after it is acted on"),
        pytest.param(["late", "turn", "other", "mine", "other"], id="a batch"),
    ],
)
def test_a_record_that_comes_with_a_keep_alive_is_told(steps: list[str]) -> None:
    world = outcome(steps)
    assert world.told() == world.mine(), f"expected {world.mine()}, got {world.told()}"


@pytest.mark.parametrize("turns", range(4))
def test_a_cut_that_comes_with_a_keep_alive_leaves_the_cursor_before_the_gap(turns: int) -> None:
    world = outcome(["skipped", "late", *["turn"] * turns, "other"])
    assert world.frames[-1] == b": slow\nid: %d:0\n\n" % PARTITION


def test_a_keep_alive_moves_the_cursor_over_what_is_not_the_agents() -> None:
    world = outcome(["mine", "other", "other", *["turn"] * IDLE_TURNS, "late"])
    assert world.frames[-2] == b": keep-alive\nid: %d:3\n\n" % PARTITION


STEPS = st.lists(
    st.sampled_from(["turn", "turn", "late", "late", "mine", "soon", "other"]), max_size=STEPS_MAX
)


@settings(max_examples=500, deadline=None)
@given(STEPS, st.integers(0, 3))
def test_no_schedule_loses_a_record(steps: list[str], write_turns: int) -> None:
    world = outcome(steps, write_turns)
    assert world.told() == world.mine(), f"expected {world.mine()}, got {world.told()}"


@settings(max_examples=500, deadline=None)
@given(STEPS, STEPS, st.integers(0, 3))
def test_no_schedule_of_a_cut_moves_a_cursor_over_a_record(
    before: list[str], after: list[str], write_turns: int
) -> None:
    world = outcome([*before, "skipped", *after, "mine"], write_turns)
    assert world.frames[-1].startswith(b": slow\n"), f"expected a cut, got {world.frames[-1]!r}"
