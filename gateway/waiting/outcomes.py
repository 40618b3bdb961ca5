"""How the routing of a revision ended, as the index tells: by the head of its value.

Decides what a head says of a revision, pure, and asks for the heads of all who wait at once, so
that many waiters cost the index no more than one. Never changes anything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from contex.errors import DependencyAway
from contex.index.types import ValueHead
from contex.records.names import ValueKey
from gateway import limits
from gateway.waiting.pending import PendingValue


class Ending(StrEnum):
    """How it ended."""

    ROUTED = "routed"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An ending, and how many agents were told what because of this revision."""

    ending: Ending
    told: Mapping[str, int] = field(default_factory=dict)


class Heads(Protocol):
    """What is needed of the index."""

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        """Return the heads that exist. Raises DependencyAway."""
        ...


def judge(head: ValueHead | None, revision: int) -> Outcome | None:
    """Return how the routing of `revision` ended, or None while it may go on.

    A head that knows a newer record with its very content was published again unchanged: when that
    record is newer than `revision` too, nobody can tell whether `revision` was unchanged or at
    fault; what counts is that something newer stands.
    """
    if head is None:
        return None
    if head.revision > revision:
        return Outcome(Ending.SUPERSEDED)
    if head.revision == revision:
        return Outcome(Ending.ROUTED, head.told) if head.complete else None
    if head.stored == revision:
        return Outcome(Ending.UNCHANGED)
    return Outcome(Ending.SUPERSEDED) if head.stored > revision else None


@dataclass(slots=True, eq=False)
class _Waiter:
    pending: PendingValue
    found: asyncio.Future[Outcome]
    due_s: float
    interval_s: float = limits.OUTCOME_POLL_INTERVAL_S_MIN

    def put_off(self, now_s: float) -> None:
        self.interval_s = min(
            self.interval_s * limits.OUTCOME_POLL_GROWTH, limits.OUTCOME_POLL_INTERVAL_S_MAX
        )
        self.due_s = now_s + self.interval_s


class Outcomes:
    """Waits for outcomes, with one question to the index at a time."""

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._waiters: set[_Waiter] = set()
        self._asking: asyncio.Task[None] | None = None

    async def of(self, pending: PendingValue) -> Outcome:
        """Return the outcome once it is known; bound the wait with a timeout.

        Raises:
            DependencyAway: the index does not answer.
        """
        loop = asyncio.get_running_loop()
        waiter = _Waiter(pending, loop.create_future(), loop.time())
        self._waiters.add(waiter)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="ask for outcomes")
        try:
            return await waiter.found
        finally:
            self._waiters.discard(waiter)

    async def stop(self) -> None:
        """Ask no more; who still waits is not answered."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiters:
            due = [one for one in self._waiters if one.due_s <= loop.time()]
            if due:
                await self._answer(due)
            await asyncio.sleep(limits.OUTCOME_POLL_INTERVAL_S_MIN)

    async def _answer(self, due: Sequence[_Waiter]) -> None:
        keys = list({waiter.pending.key for waiter in due})
        try:
            heads = await self._heads.value_heads(keys)
        except DependencyAway as error:
            for waiter in due:
                if not waiter.found.done():
                    waiter.found.set_exception(error)
            return
        now_s = asyncio.get_running_loop().time()
        for waiter in due:
            outcome = judge(heads.get(waiter.pending.key), waiter.pending.revision)
            if outcome is None:
                waiter.put_off(now_s)
            elif not waiter.found.done():
                waiter.found.set_result(outcome)
