"""Every write: at most once per key, and answered when the caller wishes it.

Decides what surrounds a write: its idempotency key, and the wait for what follows from it. What
is written is decided by the operation.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from contex.telemetry import metrics
from gateway.answers import AcceptedAndRouted, Told
from gateway.handlers.answers import HOUSE, bytes_answer, rendered
from gateway.requests import call_of
from gateway.services import Call
from gateway.waiting import prefer
from gateway.waiting.outcomes import Outcome
from gateway.waiting.room import Initial, Missing
from gateway.writes.keys import REPLAYED_HEADER, fingerprint
from gateway.writes.memory import Name, Written

Work = Callable[[Call], Awaitable[Written]]


async def write(request: web.Request, body: bytes, work: Work) -> web.Response:
    """Do `work` for `request`, once per key, and answer."""
    call = call_of(request)
    if call.idempotency_key is None:
        return await _answer(request, await work(call), {})
    mark = fingerprint(request.method, request.raw_path, body)
    name = Name(call.tenant, call.idempotency_key)
    written, repeats = await request.app[HOUSE].memory.once(name, mark, partial(work, call))
    if repeats:
        metrics.IDEMPOTENT_REPLAYS.inc()
    return await _answer(request, written, {REPLAYED_HEADER: "true"} if repeats else {})


async def _answer(request: web.Request, written: Written, headers: dict[str, str]) -> web.Response:
    seconds = prefer.wait_s(request.headers.getall(prefer.HEADER, []))
    if seconds == 0 or written.pending is None:
        return bytes_answer(written.body, status=written.status, headers=headers)
    found = await request.app[HOUSE].waiting.wait(written.pending, seconds)
    if found is not Missing.UNKNOWN:
        headers = {**headers, **prefer.applied(seconds)}
    if isinstance(found, Missing):
        return bytes_answer(written.body, status=written.status, headers=headers)
    if isinstance(found, Initial):
        body = _with_initial(written.body, found)
    else:
        body = _with_outcome(written.body, found)
    return bytes_answer(body, status=200, headers=headers)


def _with_outcome(body: bytes, outcome: Outcome) -> bytes:
    told = {kind: outcome.told.get(kind, 0) for kind in Told.model_fields}
    answer = AcceptedAndRouted(
        **json.loads(body),
        outcome=outcome.ending.value,
        agents_told=sum(told.values()),
        told=Told(**told),
    )
    return rendered(answer)


def _with_initial(body: bytes, initial: Initial) -> bytes:
    """Return the answer with the update, whose JSON is not read again."""
    return body[:-1] + b',"initial":' + initial.body + b"}"
