"""A worker that is alive but makes no progress is ended; one that has nothing to do is not."""

import threading

import pytest

from contex.embedding.batcher import FLIGHT_TEXTS_MAX, Batcher
from contex.embedding.deterministic import DeterministicEmbedder
from contex.routing.meaning import TextMeaning
from workers.watchdog import (
    BATCH_S_MAX,
    LOOP_SILENT_S_MAX,
    STALLED_S_MAX,
    Progress,
    Watchdog,
    verdict,
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_s(self, seconds: float) -> float:
        self.now += seconds
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(clock)


def idle(progress: Progress, clock: Clock, seconds: float) -> float:
    now = clock.pass_s(seconds)
    progress.turn()
    return now


def test_an_idle_worker_is_well_for_ever(progress: Progress, clock: Clock) -> None:
    progress.see_lag(0)

    assert verdict(progress, idle(progress, clock, 1e6)) is None


def test_a_blocked_event_loop_is_seen(progress: Progress, clock: Clock) -> None:
    assert verdict(progress, clock.pass_s(LOOP_SILENT_S_MAX)) is None
    assert "event loop" in (verdict(progress, clock.pass_s(1)) or "")


def test_a_batch_that_never_ends_is_seen(progress: Progress, clock: Clock) -> None:
    with progress.batch():
        assert verdict(progress, idle(progress, clock, BATCH_S_MAX)) is None
        assert "not advanced" in (verdict(progress, idle(progress, clock, 1)) or "")

    assert verdict(progress, clock()) is None


def test_a_large_value_on_a_slow_machine_is_well_as_long_as_slices_are_done(
    progress: Progress, clock: Clock
) -> None:
    progress.see_lag(7)
    with progress.batch():
        for _ in range(100):
            assert verdict(progress, idle(progress, clock, BATCH_S_MAX - 1)) is None
            progress.advance()

        assert "not advanced" in (verdict(progress, idle(progress, clock, BATCH_S_MAX + 1)) or "")


async def test_what_routing_embeds_advances_its_own_batch(progress: Progress, clock: Clock) -> None:
    embedder = DeterministicEmbedder(recipe="test")
    async with Batcher(embedder) as batcher:
        meaning = TextMeaning(embedder, batcher, progress.advance)
        another = TextMeaning(embedder, batcher, Progress(clock).advance)
        with progress.batch():
            began_at = clock()
            clock.pass_s(100)
            await another.embed(["somebody else's"])
            assert progress.batch_advanced_at == began_at
            await meaning.embed([f"passage {n}" for n in range(2 * FLIGHT_TEXTS_MAX)])
            assert progress.batch_advanced_at == clock()


def test_a_slice_that_is_done_after_its_batch_begins_none(progress: Progress, clock: Clock) -> None:
    with progress.batch():
        pass
    progress.advance()

    assert verdict(progress, idle(progress, clock, 10 * BATCH_S_MAX)) is None


def test_records_that_wait_while_nothing_is_finished_are_seen(
    progress: Progress, clock: Clock
) -> None:
    progress.see_lag(7)

    assert verdict(progress, idle(progress, clock, STALLED_S_MAX)) is None
    assert "7 records wait" in (verdict(progress, idle(progress, clock, 1)) or "")


def test_a_long_idle_worker_gets_its_time_when_records_come(
    progress: Progress, clock: Clock
) -> None:
    progress.see_lag(0)
    idle(progress, clock, 10 * STALLED_S_MAX)
    progress.see_lag(3)

    assert verdict(progress, idle(progress, clock, STALLED_S_MAX - 1)) is None


def test_a_worker_that_is_behind_but_works_is_well(progress: Progress, clock: Clock) -> None:
    for _ in range(100):
        progress.see_lag(10_000)
        with progress.batch():
            idle(progress, clock, STALLED_S_MAX / 2)

        assert verdict(progress, clock()) is None


def test_the_thread_speaks_even_when_the_loop_hangs(progress: Progress, clock: Clock) -> None:
    ended = threading.Event()
    reasons: list[str] = []

    def end(stage: str, reason: str) -> None:
        reasons.append(f"{stage}: {reason}")
        ended.set()

    busy = Progress(clock=lambda: 0.0)
    watchdog = Watchdog("test", {"busy": busy, "hung": progress}, end=end)
    watchdog.start()
    clock.pass_s(LOOP_SILENT_S_MAX + 5)

    assert ended.wait(10), "expected the watchdog to end the process"
    assert reasons[0].startswith("test: hung: the event loop")
    watchdog.stop()
