"""Publish and delete values: accepted means acknowledged by the log, and nothing less.

Decides what bytes a value is stored as and what is refused at the door.
"""

import asyncio
import json
from dataclasses import dataclass

from contex.errors import InvalidValue, LimitExceeded
from contex.records.message import Message, Receipt
from contex.records.names import ValueKey
from contex.records.publication import Deletion, Publication, Value, check_size
from contex.text.formats import parse
from contex.text.media import content_type_for, decode, media_type
from gateway.models import PublishRequest
from gateway.services import Call, Services
from gateway.writes.keys import event_id
from topology.catalogue import PUBLICATIONS

JSON = "application/json"
_INLINE_PARSE_BYTES_MAX = 16 * 1024
"""Larger values are checked in a thread, so that one of them does not hold up everybody."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A publication or a deletion that the log has."""

    key: ValueKey
    revision: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A publication or a deletion that may be written."""

    key: ValueKey
    event_id: str
    message: Message

    def accepted(self, receipt: Receipt) -> Accepted:
        """Return what is answered once the log has it."""
        return Accepted(self.key, receipt.offset, self.event_id)


async def publish(services: Services, call: Call, request: PublishRequest) -> Accepted:
    """Write a new version of a value.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    prepared = await prepare(services, call, request)
    return prepared.accepted(await services.sender.send(PUBLICATIONS.name, prepared.message))


async def prepare(
    services: Services, call: Call, request: PublishRequest, item: int | None = None
) -> Prepared:
    """Return the record of a new version, the `item`th of its batch if it is in one.

    Raises:
        CallerError: naming the field.
    """
    key = ValueKey(call.scope(request.project_id), request.data_key)
    value = _value(request)
    await _check(value)
    publication = Publication(
        key=key,
        value=value,
        event_id=event_id(services, call, item),
        published_at_ms=services.clock_ms(),
        event_type=request.event_type,
    )
    message = services.codec.encode(publication, traceparent=call.traceparent)
    return Prepared(key, publication.event_id, message)


async def delete(services: Services, call: Call, project_id: str, data_key: str) -> Accepted:
    """Write the end of a value, whether or not there is one.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = ValueKey(call.scope(project_id), data_key)
    deletion = Deletion(key, event_id(services, call), services.clock_ms())
    message = services.codec.encode(deletion, traceparent=call.traceparent)
    receipt = await services.sender.send(PUBLICATIONS.name, message)
    return Accepted(key, receipt.offset, deletion.event_id)


def _value(request: PublishRequest) -> Value:
    hint = None if request.data_format is None else content_type_for(request.data_format)
    if isinstance(request.data, str):
        content = request.data.encode()
    elif hint in {None, JSON}:
        hint = JSON
        content = json.dumps(request.data, ensure_ascii=False, separators=(",", ":")).encode()
    else:
        raise InvalidValue(
            f"data_format {request.data_format!r} describes text, but data is no string",
            field="data_format",
        )
    check_size(len(content))
    return Value(content, hint, request.metadata)


async def _check(value: Value) -> None:
    """Refuse what routing could only dead-letter."""
    if value.content_type is None:
        decode(value.content, media_type(None))
        return
    try:
        if len(value.content) <= _INLINE_PARSE_BYTES_MAX:
            parse(value)
        else:
            await asyncio.to_thread(parse, value)
    except LimitExceeded as error:  # nested too deep: the size was checked before
        raise InvalidValue(str(error), field=error.field) from error
