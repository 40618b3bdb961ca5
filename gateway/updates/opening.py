"""Where a stream begins: the cursor it was given, its registration, or a fresh start.

Decides between resuming and a reset. What the feed no longer holds cannot be resumed: then the
agent is started again, from its newest registration if that one's `initial` is still held, else
from the same registration written once more.
"""

from dataclasses import dataclass, replace

from contex.errors import InvalidValue
from contex.log.reader import Bounds
from contex.log.registrations import KnownAgent
from contex.records.cursor import Cursor
from contex.records.registration import Registration
from gateway.limits import REGISTERED_BEFORE_MARGIN_MS
from gateway.operations.agents import catch_up, find
from gateway.operations.register import announce, feed_partition
from gateway.services import Call, Services
from topology.catalogue import UPDATES


@dataclass(frozen=True, slots=True)
class Beginning:
    """A legal place to read from.

    Attributes:
        epoch: updates of older ones are not told.
        reset: the reader must forget what it holds: a new `initial` follows.
    """

    registration: Registration
    epoch: int
    cursor: Cursor
    reset: bool = False


async def begin(
    services: Services, call: Call, known: KnownAgent, cursor: Cursor | None
) -> Beginning:
    """Return where the stream of `known` begins.

    Raises:
        InvalidValue: naming `cursor`, when no feed of this agent can have given it.
        DependencyAway: if the log does not answer.
    """
    partition = feed_partition(known.registration.key)
    bounds = await services.reader.bounds(UPDATES.name, partition)
    if cursor is not None:
        _check(cursor, partition, bounds)
        if cursor.offset >= bounds.first:
            return Beginning(known.registration, known.epoch, cursor)
    held = await _registered_at(services, known, bounds)
    if held is not None:
        return Beginning(
            known.registration, known.epoch, Cursor(partition, held), reset=cursor is not None
        )
    return await _again(services, call, known)


def _check(cursor: Cursor, partition: int, bounds: Bounds) -> None:
    if cursor.partition != partition:
        raise InvalidValue("cursor belongs to another agent's feed", field="cursor")
    if cursor.offset > bounds.end:
        raise InvalidValue("cursor lies beyond the end of the feed", field="cursor")


async def _registered_at(services: Services, known: KnownAgent, bounds: Bounds) -> int | None:
    """Return an offset before the registration's `initial`, or None if that may be forgotten."""
    partition = feed_partition(known.registration.key)
    earliest_ms = max(0, known.registered_at_ms - REGISTERED_BEFORE_MARGIN_MS)
    offset = await services.reader.offset_at(UPDATES.name, partition, earliest_ms)
    return offset if offset > bounds.first or bounds.first == 0 else None


async def _again(services: Services, call: Call, known: KnownAgent) -> Beginning:
    # The view may lag behind a registration with other needs: to write the old ones after it would
    # undo it, so the newest is fetched first.
    key = known.registration.key
    async with services.turns.of(key):
        await catch_up(services)
        newest = await find(services, call, key.agent_id, key.scope.project)
        registration = replace(
            newest.registration, event_id=services.new_id(), registered_at_ms=services.clock_ms()
        )
        announced = await announce(services, registration, call.traceparent)
    return Beginning(registration, announced.epoch, announced.cursor, reset=True)
