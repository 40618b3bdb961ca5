"""Many writes in one flight, each answered for itself.

Decides that an item that is wrong, or that the log does not take, hurts no other: all others are
written, those of one key in the order of the batch. Items that cannot be written are never sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from contex.errors import ContexError, DependencyAway
from contex.log.failures import LogMisuse
from contex.log.reader import Bounds
from contex.records.cursor import Cursor
from contex.records.message import Message, Receipt
from gateway.limits import VIEW_WAIT_TIMEOUT_S
from gateway.models import PublishRequest, RegisterRequest
from gateway.operations import publish as publishing
from gateway.operations import register as registering
from gateway.operations.publish import Accepted
from gateway.operations.register import Announced, Registered, feed_partition
from gateway.problems import Problem, Refusal, of_error, unavailable, validated
from gateway.services import Call, Services
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, UPDATES

_Prepared = TypeVar("_Prepared")


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that was not written, or not surely so."""

    problem: Problem


async def publish_each(
    services: Services, call: Call, items: Sequence[object]
) -> list[Accepted | Failed]:
    """Publish each item; return what became of it, in their order."""

    async def prepare(number: int, item: object) -> publishing.Prepared:
        request = validated(PublishRequest, item)
        return await publishing.prepare(services, call, request, number)

    prepared = await _prepare_each(items, prepare)
    ready = [one for one in prepared if not isinstance(one, Failed)]
    outcomes = await _send_each(services, PUBLICATIONS.name, [one.message for one in ready])
    written = iter([
        outcome if isinstance(outcome, Failed) else one.accepted(outcome)
        for one, outcome in zip(ready, outcomes, strict=True)
    ])  # fmt: skip
    return [one if isinstance(one, Failed) else next(written) for one in prepared]


async def register_each(
    services: Services, call: Call, items: Sequence[object]
) -> list[Registered | Failed]:
    """Register each item's agent; return what became of it, in their order."""

    async def prepare(number: int, item: object) -> tuple[registering.Prepared, Message]:
        request = validated(RegisterRequest, item)
        one = registering.prepare(services, call, request, number)
        return one, services.codec.encode(one.registration, traceparent=call.traceparent)

    prepared = await _prepare_each(items, prepare)
    ready = [one for one in prepared if not isinstance(one, Failed)]
    written = iter(await _announce_each(services, ready))
    return [one if isinstance(one, Failed) else next(written) for one in prepared]


async def _prepare_each(
    items: Sequence[object], prepare: Callable[[int, object], Awaitable[_Prepared]]
) -> list[_Prepared | Failed]:
    prepared: list[_Prepared | Failed] = []
    for number, item in enumerate(items):
        try:
            prepared.append(await prepare(number, item))
        except (ContexError, Refusal, ValidationError) as error:
            prepared.append(Failed(of_error(error)))
        await asyncio.sleep(0)  # many items in a row hold nobody up
    return prepared


async def _send_each(
    services: Services, topic: str, messages: Sequence[Message]
) -> list[Receipt | Failed]:
    outcomes = await services.sender.send_each(topic, messages)
    return [one if isinstance(one, Receipt) else Failed(_problem(one)) for one in outcomes]


async def _announce_each(
    services: Services, ready: Sequence[tuple[registering.Prepared, Message]]
) -> list[Registered | Failed]:
    keys = [one.registration.key for one, _ in ready]
    async with services.turns.of(*keys):
        try:
            bounds = await _feed_bounds(services, {feed_partition(key) for key in keys})
        except DependencyAway as error:
            return [Failed(of_error(error))] * len(ready)
        outcomes = await _send_each(services, REGISTRATIONS.name, [message for _, message in ready])
        await _catch_up(services, [one for one in outcomes if isinstance(one, Receipt)])
    written: list[Registered | Failed] = []
    for (one, _), key, outcome in zip(ready, keys, outcomes, strict=True):
        if isinstance(outcome, Failed):
            written.append(outcome)
            continue
        cursor = Cursor(feed_partition(key), bounds[feed_partition(key)].end)
        written.append(one.registered(Announced(outcome.offset, cursor)))
    return written


async def _feed_bounds(services: Services, partitions: set[int]) -> Mapping[int, Bounds]:
    """Return the bounds of the feeds before anything is written."""
    in_order = sorted(partitions)
    found = await asyncio.gather(
        *(services.reader.bounds(UPDATES.name, partition) for partition in in_order)
    )
    return dict(zip(in_order, found, strict=True))


async def _catch_up(services: Services, receipts: Sequence[Receipt]) -> None:
    """Wait, bounded, until the gateway's own view has what was written."""
    newest: dict[int, int] = {}
    for receipt in receipts:
        newest[receipt.partition] = max(receipt.offset, newest.get(receipt.partition, 0))
    await asyncio.gather(
        *(
            services.agents.caught_up_with(partition, offset, timeout_s=VIEW_WAIT_TIMEOUT_S)
            for partition, offset in newest.items()
        )
    )


def _problem(error: Exception) -> Problem:
    if isinstance(error, LogMisuse):  # as for a single write: no caller is to blame
        return unavailable("the log does not serve this gateway")
    return of_error(error)
