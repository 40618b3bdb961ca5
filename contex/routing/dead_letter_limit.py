"""When to stop dead-lettering: a pure limit over what was rejected lately.

A few poison records belong in the dead-letter topic and the partition goes on. When nearly
everything would go there, the fault is likelier ours (a bad deploy, a missing schema) than every
producer's, and a stopped worker is easier to mend than an emptied log. The idea is arroyo's
`DlqLimit`.
"""

from collections import deque

REJECTED_IN_A_ROW_MAX = 500
WINDOW_RECORDS = 2_000
REJECTED_SHARE_MAX = 0.9


class DeadLetterLimit:
    """Counts outcomes, newest last, and says when too many were rejected."""

    def __init__(self) -> None:
        self._window: deque[bool] = deque(maxlen=WINDOW_RECORDS)
        self._in_a_row = 0

    def note(self, *, rejected: bool) -> None:
        """Count one outcome."""
        self._window.append(rejected)
        self._in_a_row = self._in_a_row + 1 if rejected else 0

    @property
    def exceeded(self) -> str | None:
        """Why dead-lettering must stop, or None."""
        if self._in_a_row > REJECTED_IN_A_ROW_MAX:
            return f"{self._in_a_row} records in a row were rejected"
        rejected = sum(self._window)
        if len(self._window) == WINDOW_RECORDS and rejected > REJECTED_SHARE_MAX * WINDOW_RECORDS:
            return f"{rejected} of the last {WINDOW_RECORDS} records were rejected"
        return None
