"""What handlers read from a request, and the keys under which they find their context.

Decides how query strings, bodies and path segments become typed requests. No operation here.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from aiohttp import web
from pydantic import BaseModel

from contex.errors import InvalidName
from contex.records.headers import Traceparent
from gateway.body import read_json
from gateway.identity import Identity
from gateway.limits import BATCH_ITEMS_MAX, BODY_BYTES_MAX, BODY_READ_TIMEOUT_S
from gateway.problems import (
    FieldError,
    Refusal,
    body_too_large,
    invalid,
    of_status,
    validated,
)
from gateway.services import Call
from gateway.writes.keys import HEADER as IDEMPOTENCY_KEY
from gateway.writes.keys import read_key

IDENTITY = web.RequestKey("identity", Identity)
REQUEST_ID = web.RequestKey("request_id", str)
TRACE = web.RequestKey("trace", Traceparent)
BEGUN = web.RequestKey("begun", bool)
"""Set once an answer has begun: from then on there can be no other."""
TRACE_RANDOM_BYTES = 24
DATA_KEY_SEGMENT = 6
"""`/api/v1/projects/{project_id}/data/` has as many slashes before the data key."""

_Model = TypeVar("_Model", bound=BaseModel)


def call_of(request: web.Request) -> Call:
    """Return on whose behalf `request` runs.

    Raises:
        InvalidValue: if its idempotency key is none.
    """
    return Call(
        tenant=request[IDENTITY].tenant,
        traceparent=str(trace_of(request)),
        idempotency_key=read_key(request.headers.getall(IDEMPOTENCY_KEY, [])),
    )


def trace_of(request: web.Request) -> Traceparent:
    """Return where in a trace `request` stands: as the caller says, or at a new one's beginning."""
    if TRACE not in request:
        given = Traceparent.parse(request.headers.get("traceparent", ""))
        request[TRACE] = given or Traceparent.new(os.urandom(TRACE_RANDOM_BYTES))
    return request[TRACE]


def query_of(request: web.Request, model: type[_Model]) -> _Model:
    """Read the query string.

    Raises:
        Refusal: 422, naming what is wrong or given twice.
    """
    twice = [name for name in set(request.query) if len(request.query.getall(name)) > 1]
    if twice:
        raise Refusal(invalid(*(FieldError(name, "is given more than once") for name in twice)))
    return validated(model, dict(request.query))


async def body_of(request: web.Request, model: type[_Model]) -> _Model:
    """Read the body as JSON.

    Raises:
        Refusal: 400, 408, 413 or 415, when it cannot be read at all; 422, naming what is wrong.
    """
    return read_model(await bytes_of(request), model)


async def bytes_of(request: web.Request, size_bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Return the bytes of a body that is declared as JSON.

    Raises:
        Refusal: 408, 413 or 415.
    """
    _check_media_type(request)
    if (request.content_length or 0) > size_bytes_max:
        raise Refusal(body_too_large(size_bytes_max))
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_READ_TIMEOUT_S):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > size_bytes_max:
                    raise Refusal(body_too_large(size_bytes_max))
    except TimeoutError as error:
        raise Refusal(of_status(408)) from error
    return bytes(body)


def read_model(body: bytes, model: type[_Model]) -> _Model:
    """Return what the body says.

    Raises:
        Refusal: 400 when it is not JSON; 422, naming what is wrong.
    """
    said = read_json(body)
    if not isinstance(said, dict):
        raise Refusal(invalid(FieldError("body", "must be a JSON object")))
    return validated(model, said)


def read_items(body: bytes) -> Sequence[object]:
    """Return the items of a batch, as they are: an array, or an object with `items`.

    Raises:
        Refusal: 400 when it is not JSON, 422 when it is no batch or too many items.
    """
    said = read_json(body)
    if isinstance(said, dict) and set(said) == {"items"}:
        said = said["items"]
    if not isinstance(said, list):
        raise Refusal(invalid(FieldError("body", 'must be a JSON array, or {"items": [...]}')))
    if not 1 <= len(said) <= BATCH_ITEMS_MAX:
        message = f"must have 1 to {BATCH_ITEMS_MAX} items, got {len(said)}"
        raise Refusal(invalid(FieldError("items", message)))
    return said


def cut(request: web.Request) -> None:
    """End the connection in the middle of an answer, so that nobody takes it for whole."""
    if request.transport is not None:
        request.transport.abort()


def data_key_of(request: web.Request) -> str:
    """Return the data key of the path, its percent-encoding undone strictly.

    Raises:
        InvalidName: if it is not UTF-8.
    """
    raw = request.rel_url.raw_path.split("/", DATA_KEY_SEGMENT)[DATA_KEY_SEGMENT]
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise InvalidName("data_key is not valid UTF-8", field="data_key") from error


def _check_media_type(request: web.Request) -> None:
    declared = request.content_type.lower()
    charset = (request.charset or "utf-8").lower().replace("_", "-")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    is_json = declared == "application/json" or (
        declared.startswith("application/") and declared.endswith("+json")
    )
    if not is_json or charset not in {"utf-8", "utf8"} or encoding != "identity":
        raise Refusal(of_status(415))
