"""Looks at the worker from inside: does the loop turn, and how far are our partitions behind?

Writes what it sees into the progress of each agent; the watchdog judges it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from contex.errors import DependencyAway
from contex.log.lag import GroupLag
from contex.telemetry.logs import get_logger
from workers.watchdog import Progress

TURN_EVERY_S = 1.0
LAG_EVERY_S = 10.0

_log = get_logger(__name__)


class Lookout:
    """Two tasks: one turns with the loop, the other asks Kafka. `progress` is by topic."""

    def __init__(self, app: Any, lag: GroupLag, progress: Mapping[str, Progress]) -> None:  # noqa: ANN401 - faust is untyped
        self._app = app
        self._lag = lag
        self._progress = progress
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Look until stopped."""
        self._tasks = [asyncio.create_task(self._turn()), asyncio.create_task(self._follow_lag())]

    @property
    def is_looking(self) -> bool:
        """Whether both tasks are alive."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

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
            mine = {(tp.topic, tp.partition) for tp in self._app.assignor.assigned_actives()}
            try:
                spans = await asyncio.to_thread(self._lag.spans, mine)
            except DependencyAway as error:
                # Without Kafka nobody can make progress; that is not this worker's fault.
                _log.warning("the lag is not known", error=str(error))
                spans = {}
            for topic, progress in self._progress.items():
                lags = [span.lag for (name, _), span in spans.items() if name == topic]
                progress.see_lag(sum(lags))
