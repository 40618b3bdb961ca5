"""Values: publish, delete, and read one revision."""

import re
from typing import Literal
from urllib.parse import quote

from aiohttp import web

from contex.telemetry.line import note
from gateway.answers import Accepted
from gateway.handlers.answers import HOUSE, not_modified, rendered
from gateway.handlers.writing import write
from gateway.models import NoQuery, PublishRequest, ValueQuery
from gateway.operations import publish as publishing
from gateway.operations.query import read_current
from gateway.operations.values import read_revision
from gateway.requests import bytes_of, call_of, data_key_of, query_of, read_model
from gateway.services import Call
from gateway.waiting.pending import PendingValue
from gateway.writes.memory import Written

UNKNOWN_TYPE = "application/octet-stream"
_SAFE_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[ -~]{1,200})?", re.ASCII)


_CACHED = {True: "private, no-cache", False: "private, max-age=86400, immutable"}
"""By whether the newest version was asked for: a revision never changes, the newest one does."""


async def publish(request: web.Request) -> web.Response:
    """Answer 202 once the log has the new version."""
    query_of(request, NoQuery)
    body = await bytes_of(request)
    services = request.app[HOUSE].services

    async def work(call: Call) -> Written:
        wanted = read_model(body, PublishRequest)
        return _accepted("published", await publishing.publish(services, call, wanted))

    return await write(request, body, work)


async def delete(request: web.Request) -> web.Response:
    """Answer 202 once the log has the tombstone."""
    query_of(request, NoQuery)
    services = request.app[HOUSE].services
    project_id, data_key = request.match_info["project_id"], data_key_of(request)

    async def work(call: Call) -> Written:
        deleted = await publishing.delete(services, call, project_id, data_key)
        return _accepted("deleted", deleted)

    return await write(request, b"", work)


async def read(request: web.Request) -> web.Response:
    """Answer with the very bytes of a version, so that no browser takes them for a page."""
    revision = query_of(request, ValueQuery).revision
    services, call = request.app[HOUSE].services, call_of(request)
    named = request.match_info["project_id"], data_key_of(request)
    if revision is None:
        found = await read_current(services, call, *named)
    else:
        found = await read_revision(services, call, *named, revision)
    etag = f'"{found.revision}"'
    caching = {"ETag": etag, "Cache-Control": _CACHED[revision is None]}
    if unchanged := not_modified(request, etag):
        unchanged.headers.update(caching)
        return unchanged
    declared = found.value.content_type or UNKNOWN_TYPE
    name = quote(found.key.data_key.rpartition("/")[2] or "value", safe="")
    return web.Response(
        body=found.value.content,
        headers={
            "Content-Type": declared if _SAFE_TYPE.fullmatch(declared) else UNKNOWN_TYPE,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            **caching,
        },
    )


def _accepted(status: Literal["published", "deleted"], accepted: publishing.Accepted) -> Written:
    scope, data_key = accepted.key.scope, accepted.key.data_key
    note(project=scope.project, key=data_key, revision=accepted.revision)
    answer = Accepted(
        status=status,
        project_id=accepted.key.scope.project,
        data_key=accepted.key.data_key,
        sequence=str(accepted.revision),
        revision=accepted.revision,
        event_id=accepted.event_id,
    )
    return Written(rendered(answer), pending=PendingValue(accepted.key, accepted.revision))
