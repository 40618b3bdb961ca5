"""Progress is watched, not only the process: a worker that is alive but deaf is ended.

The verdict is pure; the thread that asks for it needs no event loop, so that it still speaks when
the loop hangs.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from contex.telemetry import metrics
from workers.exits import end_unheard, exit_hard

LOOP_SILENT_S_MAX = 30.0
"""The event loop did not turn for this long: it is blocked."""
BATCH_S_MAX = 180.0
"""A batch, or a slice of its embedding: seconds at most, waiting for a dependency included."""
STALLED_S_MAX = 60.0
"""Records wait in our own partitions and none was finished for this long."""
ASK_EVERY_S = 1.0
LAST_LOOK_S = 2.0
"""The metrics still answer for this long, with the exit counted."""
EXIT_STALLED = 71

_log = logging.getLogger(__name__)


@dataclass
class Progress:
    """What the worker did last, on the monotonic clock. Written by the loop, read by a thread."""

    clock: Callable[[], float] = time.monotonic
    turned_at: float = field(init=False)
    finished_at: float = field(init=False)
    batch_advanced_at: float | None = None
    lag_records: int = 0

    def __post_init__(self) -> None:
        self.turned_at = self.finished_at = self.clock()

    def turn(self) -> None:
        """The event loop turned."""
        self.turned_at = self.clock()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A batch is being processed; left by an exception, it is as over as otherwise."""
        self.batch_advanced_at = self.clock()
        try:
            yield
        finally:
            self.finished_at = self.clock()
            self.batch_advanced_at = None

    def advance(self) -> None:
        """A slice of the batch's embedding is done: a large value is slow, not stuck."""
        if self.batch_advanced_at is not None:
            self.batch_advanced_at = self.clock()

    def see_lag(self, records: int) -> None:
        """Records wait in the worker's own partitions; without any it cannot be stalled."""
        if records == 0 or self.lag_records == 0:
            self.finished_at = self.clock()
        self.lag_records = records


def verdict(progress: Progress, now: float) -> str | None:
    """Return why the worker must end, or None while it is well."""
    if (silent_s := now - progress.turned_at) > LOOP_SILENT_S_MAX:
        return f"the event loop has not turned for {silent_s:.0f} s"
    advanced_at = progress.batch_advanced_at
    if advanced_at is not None and now - advanced_at > BATCH_S_MAX:
        return f"a batch in work has not advanced for {now - advanced_at:.0f} s"
    stalled_s = now - progress.finished_at
    if advanced_at is None and progress.lag_records and stalled_s > STALLED_S_MAX:
        return f"{progress.lag_records} records wait and none was finished for {stalled_s:.0f} s"
    return None


def age_s(progress: Progress, now: float) -> float:
    """Return for how long there has been no progress: what the verdict compares with its limits."""
    ages = [now - progress.turned_at]
    advanced_at = progress.batch_advanced_at
    if advanced_at is not None:
        ages.append(now - advanced_at)
    elif progress.lag_records:
        ages.append(now - progress.finished_at)
    return max(ages)


def end_stalled(stage: str, reason: str) -> None:
    """Count it, leave a moment in which it can be seen, and end as kill -9 would.

    Nothing unfinished may be committed.
    """
    end_unheard(EXIT_STALLED)
    metrics.WATCHDOG_EXITS.labels(stage).inc()
    _log.critical("watchdog: ending the process: %s", reason)
    time.sleep(LAST_LOOK_S)
    exit_hard(EXIT_STALLED, f"watchdog: {reason}")


class Watchdog:
    """A thread that ends the process when one of its agents makes no progress.

    Args:
        stage: whose agents they are.
        progress: theirs, by name.
        end: ends the process; told the stage and why.
    """

    def __init__(
        self,
        stage: str,
        progress: Mapping[str, Progress],
        *,
        end: Callable[[str, str], None] = end_stalled,
    ) -> None:
        self._stage = stage
        self._progress = progress
        self._end = end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch until stopped."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(ASK_EVERY_S):
            every = self._progress.items()
            oldest_s = max(age_s(progress, progress.clock()) for _, progress in every)
            metrics.PROGRESS_AGE_SECONDS.labels(self._stage).set(oldest_s)
            for name, progress in every:
                reason = verdict(progress, progress.clock())
                if reason is not None:
                    self._end(self._stage, f"{name}: {reason}")
                    return
