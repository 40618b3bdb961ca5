"""One shared tail, many connected agents: who gets which record, and who is cut.

Decides by the record's key alone; records of agents that are not connected are never decoded. A
reader that falls behind is cut at a bound, never buffered without one: it resumes from its cursor.
Runs on one event loop and does no I/O.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial

from contex.errors import DependencyAway
from contex.log.partitioner import partition_for
from contex.records.message import Received
from contex.telemetry import metrics
from contex.telemetry.logs import get_logger
from gateway import limits
from gateway.problems import Refusal, unavailable

KIND = "sse"

_log = get_logger(__name__)


class End(Enum):
    """Why a subscription ended."""

    SLOW = "slow"
    GONE = "gone"
    CLOSING = "closing"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing came in time: every record of the agent before `position` has been handed over."""

    position: int


Probe = Callable[[], End | None]
"""Says why a subscription should end now, or None. Must neither block nor raise."""


class Subscription:
    """What one connection has yet to be told.

    Args:
        position: says how far its partition has been dispatched. It is asked only while nothing
            is queued, so what it says never passes a record that is yet to be handed over.

    Attributes:
        from_offset: every record of the agent at or after this offset is offered here.
        ended: why nothing more will come, or None.
    """

    def __init__(
        self,
        position: Callable[[], int],
        probe: Probe,
        *,
        updates_max: int = limits.STREAM_QUEUE_UPDATES_MAX,
        size_bytes_max: int = limits.STREAM_QUEUE_BYTES_MAX,
    ) -> None:
        self.from_offset = position()
        self.ended: End | None = None
        self.probe = probe
        self._position = position
        self._updates_max = updates_max
        self._size_bytes_max = size_bytes_max
        self._queue: deque[Received] = deque()
        self._size_bytes = 0
        self._wake = asyncio.Event()

    def offer(self, received: Received) -> bool:
        """Queue a record; end the subscription, and return False, if its reader is too far behind.

        Once ended, what is offered is dropped.
        """
        if self.ended is not None:
            return True
        size_bytes = len(received.value or b"")
        full = len(self._queue) >= self._updates_max
        heavy = self._queue and self._size_bytes + size_bytes > self._size_bytes_max
        if full or heavy:
            self.end(End.SLOW)
            return False
        self._queue.append(received)
        self._size_bytes += size_bytes
        self._wake.set()
        return True

    def end(self, reason: End) -> None:
        """End the subscription and forget what is queued; the first reason stands."""
        if self.ended is None:
            self.ended = reason
            self._queue.clear()
            self._wake.set()

    async def next(self, timeout_s: float) -> Received | Quiet | End:
        """Return the next record, the reason of the end, or how far it is quiet.

        What is queued decides, not who won: the time may run out in the very iteration of the loop
        in which a record or the end arrives.
        """
        if not self._wake.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
        if self.ended is not None:
            return self.ended
        if not self._queue:
            return Quiet(self._position())
        received = self._queue.popleft()
        self._size_bytes -= len(received.value or b"")
        if not self._queue:
            self._wake.clear()
        return received


class Hub:
    """Hands each record of the tail to the connections of its agent.

    Args:
        partitions: of the topic that is tailed.
        streams_max: connections at once; more are refused.
    """

    def __init__(self, partitions: int, *, streams_max: int = limits.STREAMS_MAX) -> None:
        self._partitions = partitions
        self._streams_max = streams_max
        self._streams = 0
        self._closing = False
        self._positions: dict[int, int] = {}
        self._subscriptions: dict[bytes, set[Subscription]] = {}

    def advance(self, partition: int, next_offset: int) -> None:
        """Note that everything of `partition` before `next_offset` has been dispatched."""
        self._positions[partition] = next_offset

    def dispatch(self, received: Received) -> None:
        """Offer a record to its agent's connections."""
        if received.offset > self._positions.get(received.partition, received.offset):
            self._cut(received.partition)
        if received.key is not None:
            for subscription in self._subscriptions.get(received.key, ()):
                if not subscription.offer(received):
                    _log.info("stream.cut", agent=received.key.decode(), offset=received.offset)
        self._positions[received.partition] = received.offset + 1

    def _cut(self, partition: int) -> None:
        # The tail was so far behind that the log forgot what lay between: whoever listens comes
        # again with a cursor, and is told what a cursor that old means.
        for key, together in self._subscriptions.items():
            if partition_for(key, self._partitions) == partition:
                for subscription in together:
                    subscription.end(End.SLOW)

    def position(self, partition: int) -> int:
        """Return the offset of the next record to be dispatched.

        Raises:
            DependencyAway: while the tail has not reached the partition yet.
        """
        position = self._positions.get(partition)
        if position is None:
            raise DependencyAway("the tail of the updates has not started")
        return position

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Count one connection for as long as it lasts.

        Raises:
            Refusal: 503 when the house is full or closing.
        """
        if self._closing or self._streams >= self._streams_max:
            raise Refusal(
                unavailable(
                    "this gateway is closing"
                    if self._closing
                    else f"{self._streams_max} agents are connected, which is all it serves",
                    retry_after_s=limits.STREAMS_FULL_RETRY_AFTER_S,
                )
            )
        self._streams += 1
        try:
            with metrics.STREAM_CONNECTIONS.labels(KIND).track_inprogress():
                yield
        finally:
            self._streams -= 1

    @contextmanager
    def subscribed(self, key: bytes, probe: Probe) -> Iterator[Subscription]:
        """Offer the records of `key` from the tail's position on."""
        partition = partition_for(key, self._partitions)
        subscription = Subscription(partial(self.position, partition), probe)
        if self._closing:
            subscription.end(End.CLOSING)
        together = self._subscriptions.setdefault(key, set())
        together.add(subscription)
        try:
            yield subscription
        finally:
            subscription.end(End.DISCONNECTED)  # the position goes on without it
            together.discard(subscription)
            if not together and self._subscriptions.get(key) is together:
                del self._subscriptions[key]

    def sweep(self) -> None:
        """End the subscriptions whose probe says so."""
        for subscription in [one for each in self._subscriptions.values() for one in each]:
            reason = subscription.probe()
            if reason is not None:
                subscription.end(reason)

    def close(self) -> None:
        """End every subscription and admit no more."""
        self._closing = True
        for together in self._subscriptions.values():
            for subscription in together:
                subscription.end(End.CLOSING)
