"""Values: publish, delete, and read one revision."""

import re
from typing import Literal
from urllib.parse import quote

from aiohttp import web

from gateway.answers import Accepted
from gateway.handlers.answers import HOUSE, json_answer
from gateway.models import PublishRequest, ValueQuery
from gateway.operations import publish as publishing
from gateway.operations.values import read_revision
from gateway.requests import body_of, call_of, data_key_of, query_of

UNKNOWN_TYPE = "application/octet-stream"
_SAFE_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[ -~]{1,200})?", re.ASCII)


async def publish(request: web.Request) -> web.Response:
    """Answer 202 once the log has the new version."""
    wanted = await body_of(request, PublishRequest)
    services = request.app[HOUSE].services
    accepted = await publishing.publish(services, call_of(request), wanted)
    return _accepted("published", accepted)


async def delete(request: web.Request) -> web.Response:
    """Answer 202 once the log has the tombstone."""
    accepted = await publishing.delete(
        request.app[HOUSE].services,
        call_of(request),
        request.match_info["project_id"],
        data_key_of(request),
    )
    return _accepted("deleted", accepted)


async def read(request: web.Request) -> web.Response:
    """Answer with the very bytes of one revision, so that no browser takes them for a page."""
    found = await read_revision(
        request.app[HOUSE].services,
        call_of(request),
        request.match_info["project_id"],
        data_key_of(request),
        query_of(request, ValueQuery).revision,
    )
    declared = found.value.content_type or UNKNOWN_TYPE
    name = quote(found.key.data_key.rpartition("/")[2] or "value", safe="")
    return web.Response(
        body=found.value.content,
        headers={
            "Content-Type": declared if _SAFE_TYPE.fullmatch(declared) else UNKNOWN_TYPE,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, max-age=86400, immutable",
            "ETag": f'"{found.revision}"',
        },
    )


def _accepted(
    status: Literal["published", "deleted"], accepted: publishing.Accepted
) -> web.Response:
    return json_answer(
        Accepted(
            status=status,
            project_id=accepted.key.scope.project,
            data_key=accepted.key.data_key,
            sequence=str(accepted.revision),
            revision=accepted.revision,
            event_id=accepted.event_id,
        ),
        status=202,
    )
