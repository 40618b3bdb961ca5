"""Publish and delete values: accepted means acknowledged by the log, and nothing less.

Decides what bytes a value is stored as and what is refused at the door.
"""

import asyncio
import json
from dataclasses import dataclass

from contex.errors import InvalidValue, LimitExceeded
from contex.records.names import Scope, ValueKey
from contex.records.publication import Deletion, Publication, Value
from contex.text.formats import parse
from contex.text.limits import check_size
from contex.text.media import content_type_for, decode, media_type
from gateway.models import PublishRequest
from gateway.services import Call, Services
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


async def publish(services: Services, call: Call, request: PublishRequest) -> Accepted:
    """Write a new version of a value.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = ValueKey(Scope(call.tenant, request.project_id), request.data_key)
    value = _value(request)
    await _check(value)
    publication = Publication(
        key=key,
        value=value,
        event_id=services.new_id(),
        published_at_ms=services.clock_ms(),
        event_type=request.event_type,
    )
    message = services.codec.encode(publication, traceparent=call.traceparent)
    receipt = await services.sender.send(PUBLICATIONS.name, message)
    return Accepted(key, receipt.offset, publication.event_id)


async def delete(services: Services, call: Call, project_id: str, data_key: str) -> Accepted:
    """Write the end of a value, whether or not there is one.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = ValueKey(Scope(call.tenant, project_id), data_key)
    deletion = Deletion(key, services.new_id(), services.clock_ms())
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
