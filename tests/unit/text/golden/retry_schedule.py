"""When a delivery is tried again."""

from collections.abc import Iterator

DELAYS_S = (5, 60, 600)


def delays(attempts: int) -> Iterator[int]:
    """Yield the delay before each further attempt."""
    for attempt in range(attempts):
        yield DELAYS_S[min(attempt, len(DELAYS_S) - 1)]


class GaveUpError(Exception):
    """Raised when no attempt is left."""
