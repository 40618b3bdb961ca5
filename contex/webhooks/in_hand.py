"""How long the oldest delivery has been in hand: what never returns must not go unnoticed.

Decides nothing: whoever asks knows how long is too long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class InHand:
    """Notes when each piece of work began.

    Args:
        clock_s: seconds that only grow.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._begun_s: dict[object, float] = {}

    @property
    def oldest_s(self) -> float:
        """How long the oldest has been in hand; 0 when none is."""
        now_s = self._clock_s()
        return now_s - next(iter(self._begun_s.values()), now_s)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one piece of work."""
        place = object()
        self._begun_s[place] = self._clock_s()
        try:
            yield
        finally:
            del self._begun_s[place]
