"""The lookout tells the metrics and the watchdog how far the worker's partitions are behind."""

import asyncio
import time
from collections.abc import Callable, Iterable

import pytest

from contex.errors import DependencyAway
from contex.log.failures import LogMisuse
from contex.log.lag import Span
from contex.telemetry import metrics
from workers import lookout
from workers.exits import EXIT_BUG
from workers.lookout import Lookout
from workers.watchdog import Progress

MINE = {("a", 0), ("a", 1)}


class Lag:
    """A group that is behind as it is told to be."""

    def __init__(self) -> None:
        self.spans_now: dict[tuple[str, int], Span] | None = {}
        self.asked: list[set[tuple[str, int]]] = []

    def spans(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Span]:
        self.asked.append(set(partitions))
        if self.spans_now is None:
            raise DependencyAway("Kafka")
        return self.spans_now


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited 10 s"
        await asyncio.sleep(0.005)


def measured(topic: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(
        "contex_group_lag_records", {"stage": "a-test", "topic": topic}
    )


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "LAG_EVERY_S", 0.01)
    monkeypatch.setattr(lookout, "TURN_EVERY_S", 0.01)


async def test_lag_is_summed_over_the_partitions_of_a_topic() -> None:
    lag, progress = Lag(), Progress()
    lag.spans_now = {("a", 0): Span(5, 8), ("a", 1): Span(1, 2)}
    look = Lookout("a-test", lag, ["a", "b"], lambda: MINE, {"a": progress})  # type: ignore[arg-type]  # a stand-in
    turned_at = progress.turned_at
    looking = [look.is_looking]

    look.start()
    await until(lambda: measured("a") == 4)

    looking.append(look.is_looking)
    assert (measured("b"), lag.asked[0]) == (0, MINE)
    await until(lambda: progress.lag_records == 4 and progress.turned_at > turned_at)
    await look.stop()
    looking.append(look.is_looking)
    assert looking == [False, True, False]


async def test_while_kafka_is_away_nobody_is_to_blame_and_the_metric_stays() -> None:
    lag, progress = Lag(), Progress()
    lag.spans_now = {("a", 0): Span(0, 7)}
    look = Lookout("a-test", lag, ["a"], lambda: MINE, {"a": progress})  # type: ignore[arg-type]  # a stand-in
    look.start()
    await until(lambda: progress.lag_records == 7)

    lag.spans_now = None
    await until(lambda: progress.lag_records == 0)

    assert measured("a") == 7
    assert look.is_looking
    await look.stop()


async def test_a_topic_out_of_sight_is_waited_for_and_a_bug_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: Exception = LogMisuse("no such topic")
    asked = 0
    ends: list[tuple[int, str]] = []

    class Broken(Lag):
        def spans(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Span]:
            nonlocal asked
            asked += 1
            raise raised

    monkeypatch.setattr(lookout, "exit_hard", lambda *told: ends.append(told))
    look = Lookout("a-test", Broken(), ["a"], lambda: MINE, {})  # type: ignore[arg-type]  # a stand-in
    look.start()
    await until(lambda: asked > 2)
    look.end_if_blind()
    assert ends == []

    raised = ZeroDivisionError("a bug")
    await until(lambda: not look.is_looking)
    look.end_if_blind()
    [(status, why)] = ends
    assert (status, "a bug" in why) == (EXIT_BUG, True)
    await look.stop()
