"""One agent's stream as frames: catch up from the cursor, then join the shared tail.

Decides the hand-over: the subscription is taken first, at the tail's position; what lies between
the cursor and that position is read from the log; what the tail offers follows. No gap, no repeat.
Knows no HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator

import orjson

from contex.errors import CallerError
from contex.log.reader import OffsetGone
from contex.records.cursor import Cursor
from contex.records.message import Received
from contex.records.rendering import update_body
from contex.telemetry.logs import get_logger
from gateway import limits
from gateway.services import Services
from gateway.updates import framing
from gateway.updates.hub import End, Hub, Probe, Quiet, Subscription
from gateway.updates.opening import Beginning
from topology.catalogue import UPDATES

_log = get_logger(__name__)


class Stream:
    """The frames of one connection. Iterate `frames()` once.

    Args:
        probe: says why the stream should end now, or None; must neither block nor raise.
        catch_ups: bounds how many streams read from the log at once.
    """

    def __init__(
        self,
        services: Services,
        hub: Hub,
        beginning: Beginning,
        *,
        probe: Probe,
        catch_ups: asyncio.Semaphore,
    ) -> None:
        self._services = services
        self._hub = hub
        self._beginning = beginning
        self._agent = beginning.registration.key
        self._key = str(self._agent).encode()
        self._epoch = beginning.epoch
        self._cursor = beginning.cursor
        self._probe = probe
        self._catch_ups = catch_ups

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield the stream, frame by frame, until it ends."""
        yield framing.opening(limits.STREAM_RETRY_MS)
        if self._beginning.reset:
            yield self._tell("reset", reason="the feed no longer holds what this cursor names")
        try:
            async for frame in self._told():
                yield frame
        except OffsetGone:  # retention overtook the catch-up: the cursor is judged when it returns
            yield framing.farewell(End.SLOW.value, self._cursor)

    async def _told(self) -> AsyncGenerator[bytes, None]:
        """Yield what the log holds, then what the tail offers, then why it ended."""
        partition = self._cursor.partition
        while self._hub.position(partition) - self._cursor.offset > limits.HANDOVER_RECORDS_MAX:
            async for frame in self._replay(self._hub.position(partition)):
                yield frame
        with self._hub.subscribed(self._key, self._probe) as subscription:
            async for frame in self._replay(subscription.from_offset):
                yield frame
            async for frame in self._live(subscription):
                yield frame
            ended = subscription.ended
        if ended is End.GONE:
            yield self._tell("gone", reason="the agent is no longer registered")
        elif ended is not None:
            yield framing.farewell(ended.value, self._cursor)

    async def _live(self, subscription: Subscription) -> AsyncGenerator[bytes, None]:
        """Yield what the tail offers until the subscription ends."""
        while True:
            found = await subscription.next(limits.STREAM_KEEP_ALIVE_INTERVAL_S)
            if isinstance(found, End):
                return
            if isinstance(found, Quiet):
                yield self._keep_alive(found)
            elif found.offset >= self._cursor.offset:
                frame = await self._frame(found)
                if frame is not None:
                    yield frame

    async def _replay(self, end: int) -> AsyncGenerator[bytes, None]:
        """Yield what the log holds for the agent from the cursor up to `end`."""
        partition = self._cursor.partition
        while self._cursor.offset < end:
            async with self._catch_ups:
                span = await self._services.reader.span(
                    UPDATES.name, partition, self._cursor.offset, end
                )
            for received in span.records:
                if received.key == self._key:
                    frame = await self._frame(received)
                    if frame is not None:
                        yield frame
            self._cursor = Cursor(partition, span.next_offset)

    async def _frame(self, received: Received) -> bytes | None:
        """Return the event of one record, or None when it is not to be told; move the cursor."""
        self._cursor = Cursor(received.partition, received.offset + 1)
        try:
            await self._services.codec.learn(received)
            update = self._services.codec.update(received)
        except CallerError as error:
            _log.warning(
                "stream.record_skipped",
                topic=received.topic,
                partition=received.partition,
                offset=received.offset,
                error=str(error),
            )
            return None
        if update.epoch < self._epoch:
            return None
        self._epoch = update.epoch
        return framing.event(update.kind.value, update_body(update), self._cursor)

    def _keep_alive(self, quiet: Quiet) -> bytes:
        if quiet.position <= self._cursor.offset:
            return framing.keep_alive()
        self._cursor = Cursor(self._cursor.partition, quiet.position)
        return framing.keep_alive(self._cursor)

    def _tell(self, name: str, *, reason: str) -> bytes:
        about = {
            "type": f"context.{name}",
            "data": {
                "project_id": self._agent.scope.project,
                "agent_id": self._agent.agent_id,
                "epoch": self._epoch,
                "cursor": str(self._cursor),
                "reason": reason,
            },
        }
        return framing.event(name, orjson.dumps(about), self._cursor)
