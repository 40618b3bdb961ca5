"""The outermost layer: every request gets an id, an account, and an answer of one shape.

Decides nothing about the request itself. What was raised on purpose becomes its problem; anything
else is logged whole and answered with a bare 500.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from aiohttp import web
from pydantic import ValidationError

from contex.errors import ContexError
from contex.log.failures import LogMisuse
from contex.telemetry.line import note, opened
from contex.telemetry.logs import get_logger
from gateway.account import CLIENT_GONE, record
from gateway.compression import compress
from gateway.limits import REQUEST_ID_CHARACTERS_MAX
from gateway.problems import CONTENT_TYPE, Problem, Refusal, of_error, of_status, unavailable
from gateway.requests import BEGUN, REQUEST_ID, cut

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SERVER_ERROR = 500
_LEGAL_IN_A_PATH: Final = "%/:@!$&'()*+,;="
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SANE_ID = re.compile(rf"[A-Za-z0-9._:/+=-]{{1,{REQUEST_ID_CHARACTERS_MAX}}}")

_log = get_logger(__name__)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer `request`, whatever happens inside."""
    request[REQUEST_ID] = request_id(request.headers.get("X-Request-ID"))
    status = CLIENT_GONE
    response: web.StreamResponse | None = None
    with opened() as line:
        try:
            response = await _answered(request, handler)
            compress(request, response)
            status = response.status
            return response
        finally:
            record(request, response, status, line)


def request_id(given: str | None) -> str:
    """Return the caller's request id when it is sane, else a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else uuid4().hex


def instance_of(request: web.Request) -> str:
    """Return the path that was asked for as a URI has it, which a problem must name it by."""
    whole = _STRAY_PERCENT.sub("%25", request.rel_url.raw_path)
    return quote(whole, safe=_LEGAL_IN_A_PATH)


def respond(problem: Problem, *, instance: str, request_id: str) -> web.Response:
    """Return `problem` as an answer."""
    return web.Response(
        status=problem.status,
        body=problem.body(instance=instance, request_id=request_id),
        headers={"Content-Type": CONTENT_TYPE, **problem.headers},
    )


def standing_headers(request_id: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {
        "X-Request-ID": request_id,
        "X-Content-Type-Options": "nosniff",
        "Server": "contex",
    }


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer has, before it leaves."""
    request[BEGUN] = True
    response.headers.update(standing_headers(request.get(REQUEST_ID) or request_id(None)))
    response.headers.setdefault("Cache-Control", "no-store")


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        allow = error.headers.get("Allow")
        problem = of_status(error.status, {"Allow": allow} if allow else None)
    except (ContexError, Refusal, ValidationError) as error:
        problem = of_error(error)
        if problem.status >= _SERVER_ERROR:
            _log.warning("http.unavailable", error=str(error), request_id=request[REQUEST_ID])
    except LogMisuse:  # no caller is to blame, and another gateway may well serve this
        _log.exception("http.log_misuse", request_id=request[REQUEST_ID])
        problem = unavailable("the log does not serve this gateway")
    except ConnectionError:
        raise  # the client went away: nobody is left to be answered
    except Exception as error:  # noqa: BLE001 - the process root of a request: it must be answered
        _log.exception("http.failed", request_id=request[REQUEST_ID])
        problem = of_error(error)
    note(problem=problem.code)
    if BEGUN in request:
        cut(request)
    return respond(problem, instance=instance_of(request), request_id=request[REQUEST_ID])
