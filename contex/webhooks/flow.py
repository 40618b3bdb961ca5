"""Many updates at once: order where it was promised, bounds everywhere, progress for the commits.

Decides that the first attempts of one agent follow one another in the order of its feed, and that
retries, which have lost their place in it, wait for nobody. Decides too that an agent with too
much in here (`backlog`) has its further records put off, so that the others go on. Knows no Kafka
and no HTTP: what is done with a record, and how one is put off, is handed in.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Protocol

from contex.records.message import Received
from contex.webhooks.backlog import Backlog
from contex.webhooks.ports import Offsets, Partition
from contex.webhooks.progress import Progress

BUFFERED_RECORDS_MAX = 1_000
BUFFERED_BYTES_MAX = 64 * 1024 * 1024

Work = Callable[[Received], Awaitable[None]]
"""Deals with one record; an exception means that the process cannot go on."""
Chain = tuple[object, ...]


class PutOff(Protocol):
    """Leaves one record to a later time; a much later one if its agent is slow."""

    def __call__(self, received: Received, /, *, slow: bool) -> Awaitable[None]:
        """Return once the record is safe elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class _Ticket:
    received: Received
    progress: Progress
    size_bytes: int
    put_off: bool = False

    @property
    def place(self) -> Chain:
        """What it alone has."""
        return (self.received.topic, self.received.partition, self.received.offset)


class Flow:
    """Runs the work of the records that it is given.

    Args:
        work: deals with one record.
        put_off: leaves one record, of an agent that has too many here, to a later time.
        in_order: the topics whose records of the same key follow one another.
        records_max: how many records it wants to hold; it is full beyond that.
        size_bytes_max: how many bytes of them.
        clock_s: seconds that only grow.
    """

    def __init__(
        self,
        work: Work,
        put_off: PutOff,
        in_order: Collection[str],
        *,
        records_max: int = BUFFERED_RECORDS_MAX,
        size_bytes_max: int = BUFFERED_BYTES_MAX,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._put_off = put_off
        self._backlog = Backlog(clock_s)
        self._in_order = frozenset(in_order)
        self._records_max = records_max
        self._size_bytes_max = size_bytes_max
        self._size_bytes = 0
        self._records = 0
        self._progress: dict[Partition, Progress] = {}
        self._chains: dict[Chain, deque[_Ticket]] = {}
        self._working: dict[asyncio.Task[None], Partition] = {}
        self._failure: BaseException | None = None

    @property
    def records(self) -> int:
        """How many records it holds."""
        return self._records

    @property
    def full(self) -> bool:
        """Whether it should be given no more."""
        return self._records >= self._records_max or self._size_bytes >= self._size_bytes_max

    @property
    def roomy(self) -> bool:
        """Whether it may be given more again, once it was full: a quarter of it is free."""
        return not self._holds_over(3 / 4)

    def check(self) -> None:
        """Raise what ended the work of a record, if anything did."""
        if self._failure is not None:
            raise self._failure

    def admit(self, received: Received) -> None:
        """Take a record: now, or after those it must follow; or put it off."""
        partition = (received.topic, received.partition)
        progress = self._progress.setdefault(partition, Progress())
        progress.take(received.offset)
        room = self._backlog.room(received.key, scarce=self._holds_over(1 / 4))
        put_off = room is not None and room <= 0
        ticket = _Ticket(received, progress, len(received.value or b""), put_off)
        self._hold(ticket)
        chain = self._chain(ticket)
        if chain in self._chains:
            self._chains[chain].append(ticket)
        else:
            self._start(chain, ticket)

    def committable(self) -> Offsets:
        """Return what may be committed, per partition."""
        return _commits(self._progress)

    async def leave(self, partitions: Collection[Partition], timeout_s: float) -> Offsets:
        """Give partitions up: await what is under way for a while, and what stands before it.

        A commit covers a prefix only, so a record is finished rather than dropped if a later one
        of its partition was begun: the later one would otherwise be done twice.

        Returns what may be committed of them; what is unfinished will be done again by others.
        """
        for partition in partitions:
            self._drop(partition)
        working = [task for task, partition in self._working.items() if partition in partitions]
        if working:
            await asyncio.wait(working, timeout=timeout_s)
        left = {one: self._progress.pop(one) for one in partitions if one in self._progress}
        return _commits(left)

    async def stop(self, timeout_s: float) -> Offsets:
        """Give everything up, as `leave` does, and end what is still under way after it."""
        offsets = await self.leave(tuple(self._progress), timeout_s)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        return offsets

    def _holds_over(self, share: float) -> bool:
        return (
            self._records > self._records_max * share
            or self._size_bytes > self._size_bytes_max * share
        )

    def _chain(self, ticket: _Ticket) -> Chain:
        received = ticket.received
        if received.topic in self._in_order and not ticket.put_off:
            return (received.topic, received.partition, received.key)
        return ticket.place

    def _start(self, chain: Chain, ticket: _Ticket) -> None:
        self._chains[chain] = deque([ticket])
        task = asyncio.create_task(self._run(chain))
        self._working[task] = (ticket.received.topic, ticket.received.partition)
        task.add_done_callback(self._end)

    async def _run(self, chain: Chain) -> None:
        queue = self._chains[chain]
        try:
            while queue:
                ticket = queue[0]
                await self._serve(ticket)
                ticket.progress.finish(ticket.received.offset)
                queue.popleft()
                self._release(ticket)
                self._shorten(queue)
        finally:
            for ticket in queue:
                self._release(ticket)
            del self._chains[chain]

    async def _serve(self, ticket: _Ticket) -> None:
        key = ticket.received.key
        if ticket.put_off:
            await self._put_off(ticket.received, slow=self._backlog.slow(key))
            return
        self._backlog.begin(key, ticket.place)
        try:
            await self._work(ticket.received)
        finally:
            self._backlog.end(key, ticket.place)

    def _shorten(self, queue: deque[_Ticket]) -> None:
        """Put off the end of a queue whose agent has turned out to be slow."""
        room = self._backlog.room(queue[0].received.key, scarce=False) if queue else None
        surplus = min(len(queue), max(0, -(room or 0)))
        for ticket in reversed([queue.pop() for _ in range(surplus)]):
            self._release(ticket)
            later = replace(ticket, put_off=True)
            self._hold(later)
            self._start(later.place, later)

    def _drop(self, partition: Partition) -> None:
        """Forget what stands behind the last record that was begun; the head of a queue was."""
        queues = [
            queue
            for queue in self._chains.values()
            if (queue[0].received.topic, queue[0].received.partition) == partition
        ]
        reached = [queue[0].received.offset for queue in queues]
        if partition in self._progress:
            reached.append(self._progress[partition].reached)
        for queue in queues:
            while queue[-1].received.offset > max(reached):
                self._release(queue.pop())

    def _hold(self, ticket: _Ticket) -> None:
        self._records += 1
        self._size_bytes += ticket.size_bytes
        if not ticket.put_off:
            self._backlog.take(ticket.received.key)

    def _release(self, ticket: _Ticket) -> None:
        self._records -= 1
        self._size_bytes -= ticket.size_bytes
        if not ticket.put_off:
            self._backlog.release(ticket.received.key)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()


def _commits(progress: dict[Partition, Progress]) -> Offsets:
    return {one: track.commit for one, track in progress.items() if track.commit is not None}
