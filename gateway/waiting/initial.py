"""An agent's `initial`, read from its feed as soon as it is there.

Decides which update answers a registration: the `initial` of its epoch. Reads what the log holds
already, then what the tail offers, as a stream does. Never waits by itself: bound it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from contex.errors import CallerError, DependencyAway
from contex.log.reader import OffsetGone
from contex.records.message import Received
from contex.records.rendering import update_body
from contex.records.update import Update, UpdateKind
from gateway import limits
from gateway.services import Services
from gateway.updates.hub import End, Hub, Quiet
from gateway.waiting.pending import PendingInitial
from topology.catalogue import UPDATES


async def initial(
    services: Services, hub: Hub, pending: PendingInitial, catch_ups: asyncio.Semaphore
) -> bytes | None:
    """Return the update in JSON; None when it never comes, or not to this gateway.

    Raises:
        DependencyAway: the log does not answer.
    """
    feed = _feed(services, hub, pending, catch_ups)
    try:
        async with aclosing(feed):
            async for update in feed:
                if update.epoch > pending.epoch:
                    return None
                if update.epoch == pending.epoch and update.kind is UpdateKind.INITIAL:
                    return update_body(update)
    except OffsetGone:
        return None
    return None


async def _feed(
    services: Services, hub: Hub, pending: PendingInitial, catch_ups: asyncio.Semaphore
) -> AsyncGenerator[Update, None]:
    """Yield the agent's updates from the cursor on, until its subscription ends."""
    key = str(pending.key).encode()
    start = pending.cursor.offset
    with hub.subscribed(key, _never) as subscription:
        while start < subscription.from_offset:
            async with catch_ups:
                span = await services.reader.span(
                    UPDATES.name, pending.cursor.partition, start, subscription.from_offset
                )
            for received in span.records:
                if received.key == key and (update := await _read(services, received)):
                    yield update
            start = span.next_offset
        while True:
            found = await subscription.next(limits.STREAM_KEEP_ALIVE_INTERVAL_S)
            if isinstance(found, End):
                return
            if not isinstance(found, Quiet) and (update := await _read(services, found)):
                yield update


async def _read(services: Services, received: Received) -> Update | None:
    try:
        await services.codec.learn(received)
        return services.codec.update(received)
    except (CallerError, DependencyAway):  # the agent's stream says so; here nobody is told
        return None


def _never() -> End | None:
    return None
