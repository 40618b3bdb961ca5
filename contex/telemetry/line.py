"""What one canonical log line gathers while the work that it tells of is done.

Whoever begins the work opens a line; whatever runs below, in the same task or in one that it
starts, adds fields and time to it without being handed anything. Writes nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

EMBED = "embed"
INDEX = "index"
PRODUCE = "produce"
STEPS = (EMBED, INDEX, PRODUCE)
"""The steps whose time a line tells, each as `<step>_ms`."""


class Line:
    """Fields and durations of one piece of work."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._fields: dict[str, object] = {}
        self._seconds: dict[str, float] = {}
        self._under_way: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def note(self, **fields: object) -> None:
        """Add fields; a later one replaces an earlier one of the same name."""
        self._fields |= fields

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time of a step. Of steps at the same time, the time is counted once."""
        if not self._under_way.get(step):
            self._since[step] = time.perf_counter()
        self._under_way[step] = self._under_way.get(step, 0) + 1
        try:
            yield
        finally:
            self._under_way[step] -= 1
            if not self._under_way[step]:
                passed = time.perf_counter() - self._since[step]
                self._seconds[step] = self._seconds.get(step, 0.0) + passed

    @property
    def fields(self) -> dict[str, object]:
        """What was added."""
        return dict(self._fields)

    @property
    def durations(self) -> dict[str, float]:
        """Milliseconds of each step that was taken, and of the whole until now."""
        passed = {f"{step}_ms": _ms(seconds) for step, seconds in self._seconds.items()}
        return {**passed, "duration_ms": _ms(time.perf_counter() - self._started)}


_CURRENT: ContextVar[Line | None] = ContextVar("line", default=None)


@contextmanager
def opened() -> Iterator[Line]:
    """Open a line for the work inside."""
    line = Line()
    token = _CURRENT.set(line)
    try:
        yield line
    finally:
        _CURRENT.reset(token)


def note(**fields: object) -> None:
    """Add fields to the line that is open here, if there is one."""
    if (line := _CURRENT.get()) is not None:
        line.note(**fields)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Add the time of a step to the line that is open here, if there is one."""
    line = _CURRENT.get()
    if line is None:
        yield
        return
    with line.timed(step):
        yield


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
