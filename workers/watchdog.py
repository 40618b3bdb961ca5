"""Progress is watched, not only the process: a worker that is alive but deaf is ended.

The verdict is pure; the thread that asks for it needs no event loop, so that it still speaks when
the loop hangs.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from contex.telemetry import metrics

LOOP_SILENT_S_MAX = 30.0
"""The event loop did not turn for this long: it is blocked."""
BATCH_S_MAX = 180.0
"""One batch takes seconds at most, waiting for a dependency included."""
STALLED_S_MAX = 60.0
"""Records wait in our own partitions and none was finished for this long."""
ASK_EVERY_S = 1.0
EXIT_STALLED = 71

_log = logging.getLogger(__name__)


@dataclass
class Progress:
    """What the worker did last, on the monotonic clock. Written by the loop, read by a thread."""

    clock: Callable[[], float] = time.monotonic
    turned_at: float = field(init=False)
    finished_at: float = field(init=False)
    batch_started_at: float | None = None
    lag_records: int = 0

    def __post_init__(self) -> None:
        self.turned_at = self.finished_at = self.clock()

    def turn(self) -> None:
        """The event loop turned."""
        self.turned_at = self.clock()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A batch is being processed; left by an exception, it is as over as otherwise."""
        self.batch_started_at = self.clock()
        try:
            yield
        finally:
            self.finished_at = self.clock()
            self.batch_started_at = None

    def see_lag(self, records: int) -> None:
        """Records wait in the worker's own partitions; without any it cannot be stalled."""
        if records == 0 or self.lag_records == 0:
            self.finished_at = self.clock()
        self.lag_records = records


def verdict(progress: Progress, now: float) -> str | None:
    """Return why the worker must end, or None while it is well."""
    if (silent_s := now - progress.turned_at) > LOOP_SILENT_S_MAX:
        return f"the event loop has not turned for {silent_s:.0f} s"
    started_at = progress.batch_started_at
    if started_at is not None and now - started_at > BATCH_S_MAX:
        return f"a batch has been in work for {now - started_at:.0f} s"
    stalled_s = now - progress.finished_at
    if started_at is None and progress.lag_records and stalled_s > STALLED_S_MAX:
        return f"{progress.lag_records} records wait and none was finished for {stalled_s:.0f} s"
    return None


def end_process(reason: str) -> None:
    """End the process as kill -9 would: nothing unfinished may be committed."""
    _log.critical("watchdog: ending the process: %s", reason)
    metrics.WATCHDOG_EXITS.labels("routing").inc()
    os._exit(EXIT_STALLED)


class Watchdog:
    """A thread that ends the process when one of its agents makes no progress."""

    def __init__(
        self, progress: Mapping[str, Progress], *, end: Callable[[str], None] = end_process
    ) -> None:
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
            for name, progress in self._progress.items():
                reason = verdict(progress, progress.clock())
                if reason is not None:
                    self._end(f"{name}: {reason}")
                    return
