"""The hand-over from catch-up to the shared tail, under random interleavings: no gap, no repeat."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from asked_schemas import AskedSchemas
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_log import AGENT, OTHER, PARTITION, MemoryLog, register, services, tell

from contex.records.codec import Codec
from contex.records.cursor import Cursor
from gateway import limits
from gateway.updates.hub import End, Hub
from gateway.updates.opening import Beginning
from gateway.updates.stream import Stream
from topology.catalogue import PARTITIONS, UPDATES

EVENTS_MAX = 60


class World:
    """A log with a tail that follows it at its own pace, and one stream."""

    def __init__(self, before: int, lag: int, cursor: int) -> None:
        self.log = MemoryLog()
        self.epoch = register(self.log)
        self.hub = Hub(PARTITIONS)
        self.ending: End | None = None
        for revision in range(before):
            self.write(revision)
        self._tailed = max(0, before - lag)
        self.hub.advance(PARTITION, self._tailed)
        self.stream = Stream(
            services(self.log),
            self.hub,
            Beginning(
                self.log.known[AGENT].registration,
                self.epoch,
                Cursor(PARTITION, min(cursor, before)),
            ),
            probe=lambda: self.ending,
            catch_ups=asyncio.Semaphore(1),
        )

    def write(self, revision: int) -> None:
        agent = OTHER if revision % 3 == 2 else AGENT
        tell(self.log, revision, epoch=self.epoch, agent=agent)

    def advance(self, records_max: int) -> None:
        records = self.log.partitions[UPDATES.name, PARTITION]
        for received in records[self._tailed : self._tailed + records_max]:
            self.hub.dispatch(received)
            self._tailed += 1

    def finish(self) -> None:
        self.advance(EVENTS_MAX * 10)


def told(frame: bytes) -> tuple[int, Cursor] | None:
    fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line)
    if "data" not in fields:
        return None
    revision = json.loads(fields["data"])["data"]["items"][0]["revision"]
    return revision, Cursor.parse(fields["id"])


async def run(world: World, steps: Sequence[tuple[str, int]], before: int) -> list[int]:
    """Read frame by frame; between two frames the world moves by one step."""
    found: list[int] = []
    revision = before
    moves = iter(steps)
    async for frame in world.stream.frames():
        event = told(frame)
        if event is not None:
            found.append(event[0])
            assert event[1].offset == event[0] + 1, "a cursor names the next record"
        elif frame.startswith(b": keep-alive") and world.ending is not None:
            world.hub.close()
        name, amount = next(moves, ("end", 0))
        if name == "write":
            for _ in range(amount):
                world.write(revision)
                revision += 1
        elif name == "tail":
            world.advance(amount)
        else:
            world.ending = End.GONE
            world.finish()
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_KEEP_ALIVE_INTERVAL_S", 0.001)
    monkeypatch.setattr(limits, "HANDOVER_RECORDS_MAX", 4)


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "tail"]), st.integers(1, 5)), max_size=EVENTS_MAX
)


@pytest.mark.usefixtures("impatient")
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), STEPS)
def test_every_update_from_the_cursor_on_is_told_once_in_order(
    before: int, lag: int, cursor: int, steps: list[tuple[str, int]]
) -> None:
    world = World(before, lag, cursor)

    found = asyncio.run(run(world, steps, before))

    written = len(world.log.partitions[UPDATES.name, PARTITION])
    expected = [n for n in range(min(cursor, before), written) if n % 3 != 2]
    assert found == expected, f"expected {expected}, got {found}"


@pytest.mark.usefixtures("impatient")
async def test_a_quiet_agents_cursor_moves_with_the_tail() -> None:
    world = World(before=0, lag=0, cursor=0)
    frames = world.stream.frames()
    assert await anext(frames) == b"retry: 1000\n\n"
    assert await anext(frames) == b": keep-alive\n\n"
    for revision in (2, 5, 8):  # all of them are OTHER's
        world.write(revision)
    world.finish()
    assert await anext(frames) == b": keep-alive\nid: %d:3\n\n" % PARTITION
    await frames.aclose()


@pytest.mark.usefixtures("impatient")
async def test_retention_that_overtakes_a_catch_up_ends_the_stream() -> None:
    world = World(before=10, lag=0, cursor=0)
    world.log.first[UPDATES.name, PARTITION] = 5
    frames = [frame async for frame in world.stream.frames()]
    assert frames == [b"retry: 1000\n\n", b": slow\nid: %d:0\n\n" % PARTITION]


@pytest.mark.usefixtures("impatient")
async def test_a_stream_does_not_hold_the_loop_while_a_schema_is_asked_for() -> None:
    world = World(before=1, lag=0, cursor=0)
    source = AskedSchemas()
    world.stream._services = replace(world.stream._services, codec=Codec(source))
    assert await run(world, [], 1) == [0]
    assert len(source.asked) == 1
