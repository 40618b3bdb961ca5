"""What a Kafka client says again and again, told once in a while and counted in between.

Decides which lines repeat one another. An outage makes every client report each of some twenty
tries a second: hours of it would fill a disk and bury the lines that matter.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

QUIET_S = 30.0
KINDS_MAX = 256
_CLIENTS = re.compile(r"aiokafka(\..+)?|contex\.log\..+\.client")
_NUMBER = re.compile(r"\d+")

_Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Told:
    at_s: float
    left_out: int = 0


class Repeats(logging.Filter):
    """Passes one line of each kind in `QUIET_S`; the next says how many were left out.

    Lines are of a kind when they differ in numbers alone. Only the loggers of Kafka's clients are
    filtered: our own lines tell of different things however alike they look.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[_Kind, _Told] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is told; it may get its count."""
        if not _CLIENTS.fullmatch(record.name):
            return True
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # the handler says what is wrong with such a line
            return True
        kind = (record.name, record.levelno, _NUMBER.sub("0", text))
        with self._lock:
            left_out = self._left_out(kind)
        if left_out:
            record.msg, record.args = f"{text} ({left_out} more like it before)", ()
        return left_out is not None

    def _left_out(self, kind: _Kind) -> int | None:
        """Return how many lines like it were left out before it, or None to leave it out too."""
        now_s = self._clock()
        told = self._told.pop(kind, None)
        if told is not None and now_s - told.at_s < QUIET_S:
            told.left_out += 1
            self._told[kind] = told
            return None
        self._told[kind] = _Told(now_s)
        if len(self._told) > KINDS_MAX:
            self._told.pop(next(iter(self._told)))
        return 0 if told is None else told.left_out
