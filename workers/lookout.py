"""Looks at the worker from inside: does the loop turn, and how far are our partitions behind?

Writes what it sees into the metrics, and into the progress of each agent. The watchdog judges it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from contex.errors import DependencyAway
from contex.log.failures import LogMisuse
from contex.log.lag import GroupLag
from contex.telemetry import metrics
from contex.telemetry.logs import get_logger
from workers.exits import EXIT_BUG, exit_hard
from workers.watchdog import Progress

TURN_EVERY_S = 1.0
LAG_EVERY_S = 5.0

Partitions = Collection[tuple[str, int]]

_log = get_logger(__name__)


class Lookout:
    """Two tasks: one turns with the loop, the other asks Kafka.

    Args:
        stage: whose lag it is.
        lag: of the stage's group.
        topics: what the group reads.
        assigned: the partitions that are ours now.
        progress: by topic, of those that must not let records wait.
    """

    def __init__(
        self,
        stage: str,
        lag: GroupLag,
        topics: Sequence[str],
        assigned: Callable[[], Partitions],
        progress: Mapping[str, Progress],
    ) -> None:
        self._stage = stage
        self._lag = lag
        self._topics = topics
        self._assigned = assigned
        self._progress = progress
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Look until stopped."""
        self._tasks = [asyncio.create_task(self._turn()), asyncio.create_task(self._follow_lag())]

    @property
    def is_looking(self) -> bool:
        """Whether both tasks are alive."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def end_if_blind(self) -> None:
        """End the process when a task has ended: nobody would see that it is stuck, or why."""
        if not self.is_looking:
            why = [task.exception() for task in self._tasks if task.done() and not task.cancelled()]
            exit_hard(EXIT_BUG, f"nobody looks at the progress any more: {why}")

    async def stop(self) -> None:
        """Look no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _turn(self) -> None:
        while True:
            for progress in self._progress.values():
                progress.turn()
            await asyncio.sleep(TURN_EVERY_S)

    async def _follow_lag(self) -> None:
        while True:
            await asyncio.sleep(LAG_EVERY_S)
            try:
                waiting = await self._waiting()
            except (DependencyAway, LogMisuse) as error:
                # Without Kafka nobody can make progress; that is not this worker's fault.
                _log.warning("the lag is not known", error=str(error))
                waiting = {}
            for topic, records in waiting.items():
                metrics.GROUP_LAG_RECORDS.labels(self._stage, topic).set(records)
            for topic, progress in self._progress.items():
                progress.see_lag(waiting.get(topic, 0))

    async def _waiting(self) -> Mapping[str, int]:
        spans = await asyncio.to_thread(self._lag.spans, set(self._assigned()))
        waiting = dict.fromkeys(self._topics, 0)
        for (topic, _), span in spans.items():
            waiting[topic] += span.lag
        return waiting
