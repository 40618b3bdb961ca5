"""Decides when a child that ended is started again, and when it has ended too often. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

FIRST_DELAY_S: Final = 0.2
DELAY_S_MAX: Final = 10.0
WELL_AFTER_S: Final = 30.0
"""A child that ran for this long is taken to be well: its next end counts as the first."""
LOOP_ENDS: Final = 5
LOOP_WINDOW_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about one end of a child."""

    delay_s: float
    loop: bool
    """True once per loop: it has ended `LOOP_ENDS` times within `LOOP_WINDOW_S`."""


class Restarts:
    """The ends of one child so far."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._ends_s: deque[float] = deque(maxlen=LOOP_ENDS)

    def ended(self, *, now_s: float, ran_s: float) -> Verdict:
        """Judge an end at `now_s` of a child that ran for `ran_s`."""
        if ran_s >= WELL_AFTER_S:
            self._in_a_row = 0
            self._ends_s.clear()
        delay_s = min(DELAY_S_MAX, FIRST_DELAY_S * 2.0**self._in_a_row)
        self._in_a_row += 1
        self._ends_s.append(now_s)
        loop = len(self._ends_s) == LOOP_ENDS and now_s - self._ends_s[0] <= LOOP_WINDOW_S
        if loop:
            self._ends_s.clear()
        return Verdict(delay_s, loop)
