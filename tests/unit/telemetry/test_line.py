"""A canonical line gathers fields and times from whatever runs below it, and from nothing else."""

import asyncio

import pytest

from contex.telemetry.line import EMBED, INDEX, STEPS, note, opened, timed


async def test_fields_and_times_of_tasks_below_are_gathered() -> None:
    async def below() -> None:
        with timed(INDEX):
            note(key="a")
            await asyncio.sleep(0.02)

    with opened() as line:
        await asyncio.gather(below(), asyncio.to_thread(note, revision=7))
        await asyncio.ensure_future(below())

    assert line.fields == {"key": "a", "revision": 7}
    durations = line.durations
    assert set(durations) == {"index_ms", "duration_ms"}
    assert 40 <= durations["index_ms"] <= durations["duration_ms"]


async def test_steps_at_the_same_time_are_counted_once() -> None:
    async def call() -> None:
        with timed(EMBED):
            await asyncio.sleep(0.05)

    with opened() as line:
        await asyncio.gather(*(call() for _ in range(10)))

    durations = line.durations
    assert 50 <= durations["embed_ms"] <= durations["duration_ms"], f"got {durations}"


async def test_a_step_that_fails_is_counted() -> None:
    with opened() as line, pytest.raises(ZeroDivisionError), timed(EMBED):
        _ = 1 / 0

    assert "embed_ms" in line.durations


async def test_neighbours_do_not_mix() -> None:
    async def work(name: str) -> dict[str, object]:
        with opened() as line:
            note(key=name)
            await asyncio.sleep(0)
            return line.fields

    assert list(await asyncio.gather(work("a"), work("b"))) == [{"key": "a"}, {"key": "b"}]


def test_without_a_line_nothing_is_gathered() -> None:
    note(key="nobody")
    with timed(STEPS[0]):
        pass
    with opened() as line:
        assert line.fields == {}
