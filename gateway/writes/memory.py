"""What was answered to which idempotency key: one flight for concurrent repeats, then its answer.

Decides who flies, who waits and what is kept: successes alone, bounded in entries, bytes and age,
the oldest forgotten first. A forgotten key is a new one: its repeat writes the same event again. A
flight outlives the caller who began it. Lives in one process, and knows no HTTP.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway import limits
from gateway.problems import Refusal, key_reused
from gateway.waiting.pending import Pending


@dataclass(frozen=True, slots=True)
class Written:
    """What a write is answered with.

    Attributes:
        body: the answer in JSON.
        pending: what follows from the write, for callers who wish to wait for it.
        final: a repeat would change nothing, so the answer may be kept.
    """

    body: bytes = field(repr=False)
    status: int = 202
    pending: Pending | None = None
    final: bool = True


Work = Callable[[], Awaitable[Written]]


class Name(NamedTuple):
    """A key belongs to its tenant."""

    tenant: str
    key: str


@dataclass(frozen=True, slots=True)
class _Flight:
    fingerprint: bytes
    task: asyncio.Task[Written]


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: bytes
    written: Written
    until_s: float
    size_bytes: int


class Memory:
    """Answers each key once.

    Args:
        clock_s: any clock that never goes back.
    """

    def __init__(
        self,
        clock_s: Callable[[], float],
        *,
        entries_max: int = limits.IDEMPOTENCY_ENTRIES_MAX,
        size_bytes_max: int = limits.IDEMPOTENCY_BYTES_MAX,
        age_s_max: float = limits.IDEMPOTENCY_AGE_S_MAX,
    ) -> None:
        self._clock_s = clock_s
        self._entries_max = entries_max
        self._size_bytes_max = size_bytes_max
        self._age_s_max = age_s_max
        self._flights: dict[Name, _Flight] = {}
        self._kept: OrderedDict[Name, _Kept] = OrderedDict()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """How much the kept answers take, about."""
        return self._size_bytes

    async def once(self, name: Name, fingerprint: bytes, work: Work) -> tuple[Written, bool]:
        """Return the answer to `name`, and whether it is a repeat's.

        Raises:
            Refusal: 422 when the key stands for another request.
            Exception: whatever `work` raises, to everyone who waits for it; it is not kept.
        """
        self._forget(self._clock_s())
        known = self._kept.get(name) or self._flights.get(name)
        if known is not None and known.fingerprint != fingerprint:
            raise Refusal(key_reused())
        if isinstance(known, _Kept):
            return known.written, True
        if known is None:
            task = asyncio.create_task(self._fly(name, fingerprint, work))
            task.add_done_callback(_observe)
            self._flights[name] = _Flight(fingerprint, task)
            return await asyncio.shield(task), False
        return await asyncio.shield(known.task), True

    async def _fly(self, name: Name, fingerprint: bytes, work: Work) -> Written:
        try:
            written = await work()
        finally:
            del self._flights[name]
        if written.final:
            now_s = self._clock_s()
            size_bytes = limits.IDEMPOTENCY_ENTRY_BYTES + len(name.key) + len(written.body)
            self._kept[name] = _Kept(fingerprint, written, now_s + self._age_s_max, size_bytes)
            self._size_bytes += size_bytes
            self._forget(now_s)
        return written

    def _forget(self, now_s: float) -> None:
        """Drop the oldest until everything is within its bounds."""
        while self._kept:
            oldest = next(iter(self._kept.values()))
            full = len(self._kept) > self._entries_max or self._size_bytes > self._size_bytes_max
            if not full and oldest.until_s > now_s:
                return
            self._kept.popitem(last=False)
            self._size_bytes -= oldest.size_bytes


def _observe(task: asyncio.Task[Written]) -> None:
    """Look at the error of a flight for which nobody may be waiting any more."""
    if not task.cancelled():
        task.exception()
