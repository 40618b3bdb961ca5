"""How answers look in JSON, and where handlers find what they work with."""

from collections.abc import Mapping

import orjson
from aiohttp import web

from gateway.house import House

HOUSE = web.AppKey("house", House)


def json_answer(members: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Return `members` as JSON."""
    return web.Response(status=status, body=orjson.dumps(members), content_type="application/json")
