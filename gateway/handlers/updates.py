"""An agent's stream of updates as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from contex.errors import ContexError, InvalidValue
from contex.records.cursor import Cursor
from contex.telemetry.logs import get_logger
from gateway.handlers.answers import HOUSE
from gateway.house import House
from gateway.limits import STREAM_WRITE_TIMEOUT_S
from gateway.models import UpdatesQuery
from gateway.openapi.operation import EVENT_STREAM
from gateway.operations.agents import find
from gateway.problems import Refusal, invalid_cursor
from gateway.requests import REQUEST_ID, call_of, cut, query_of
from gateway.updates.hub import End, Probe
from gateway.updates.opening import Beginning, begin
from gateway.updates.stream import Stream

LAST_EVENT_ID = "Last-Event-ID"

_log = get_logger(__name__)


async def stream(request: web.Request) -> web.StreamResponse:
    """Answer with events until the client leaves, is cut, or the gateway closes."""
    house = request.app[HOUSE]
    with house.hub.slot():
        beginning = await _beginning(request, house)
        response = web.StreamResponse(
            headers={
                "Content-Type": f"{EVENT_STREAM}; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        frames = Stream(
            house.services,
            house.hub,
            beginning,
            probe=_probe(request, house, beginning),
            catch_ups=house.catch_ups,
        ).frames()
        async with aclosing(frames):
            await _write(request, response, frames)
    return response


async def _beginning(request: web.Request, house: House) -> Beginning:
    """Return where the stream begins; a wrong cursor is a malformed request."""
    query = query_of(request, UpdatesQuery)
    call = call_of(request)
    # A browser that reconnects repeats the URL as it was: its last event is the newer word.
    given = request.headers.get(LAST_EVENT_ID) or query.cursor
    try:
        cursor = None if given is None else Cursor.parse(given)
        known = await find(house.services, call, request.match_info["agent_id"], query.project_id)
        return await begin(house.services, call, known, cursor)
    except InvalidValue as error:
        if error.field != "cursor":
            raise
        field = LAST_EVENT_ID if request.headers.get(LAST_EVENT_ID) else "cursor"
        raise Refusal(invalid_cursor(field, str(error))) from error


def _probe(request: web.Request, house: House, beginning: Beginning) -> Probe:
    key = beginning.registration.key

    def probe() -> End | None:
        if request.transport is None or request.transport.is_closing():
            return End.DISCONNECTED
        return End.GONE if house.services.agents.get(key) is None else None

    return probe


async def _write(
    request: web.Request, response: web.StreamResponse, frames: AsyncGenerator[bytes, None]
) -> None:
    try:
        async for frame in frames:
            async with asyncio.timeout(STREAM_WRITE_TIMEOUT_S):
                await response.write(frame)
    except TimeoutError:
        cut(request)
    except ConnectionError:
        return  # the client left: it resumes from its last event
    except ContexError as error:  # the answer has begun: the client resumes from its last event
        _log.warning("stream.ended", error=str(error), request_id=request[REQUEST_ID])
