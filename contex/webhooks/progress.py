"""What may be committed: of each partition, everything before the first unfinished record.

Decides nothing else. A commit of anything further would lose the unfinished one with the process.
"""

from collections import deque


class Progress:
    """Tracks one partition while it is ours."""

    def __init__(self) -> None:
        self._taken: deque[int] = deque()
        self._finished: set[int] = set()
        self._commit: int | None = None

    @property
    def commit(self) -> int | None:
        """The offset to commit, which is the next to be read; None before anything is finished."""
        return self._commit

    @property
    def unfinished(self) -> int:
        """How many records were taken and not finished."""
        return len(self._taken) - len(self._finished)

    @property
    def reached(self) -> int:
        """The highest offset that was finished, or -1: a commit below it repeats work."""
        return max(self._finished, default=-1 if self._commit is None else self._commit - 1)

    def take(self, offset: int) -> None:
        """A record was read; offsets only grow, and may leave gaps."""
        if self._taken and offset <= self._taken[-1]:
            raise ValueError(f"offset {offset} was taken after {self._taken[-1]}")
        self._taken.append(offset)

    def finish(self, offset: int) -> None:
        """A record was dealt with, in any order; each once."""
        self._finished.add(offset)
        while self._taken and self._taken[0] in self._finished:
            done = self._taken.popleft()
            self._finished.remove(done)
            self._commit = done + 1
