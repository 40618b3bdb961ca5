"""How each problem that a route declares is provoked, over plain HTTP.

A recipe is made for every route it fits, from what the route says of itself: so a new route needs
none of its own, and a new code needs one.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from gateway.codes import Code
from gateway.openapi.document import problems_of
from gateway.openapi.operation import Operation
from gateway.routes import ROUTES, Route

KEY: Final = "table-table-table-table"
ANSWER_TIMEOUT_S: Final = 30
ENDLESS_BYTES: Final = 2**40
_NAMES: Final = {
    "project_id": "demo",
    "agent_id": "nobody",
    "data_key": "nowhere/to/be/found",
    "asset": "nothing.js",
}
_PUBLISH: Final = next(route for route in ROUTES if route.about.name == "publishValue")


class Place(StrEnum):
    """Which gateway is asked."""

    SERVING = "serving"
    STARTING = "starting"  # Kafka is away


@dataclass(frozen=True)
class Shot:
    """One request.

    Attributes:
        announced_bytes: the length that is declared when the body never comes.
        before: sent first, and accepted.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    announced_bytes: int | None = None
    place: Place = Place.SERVING
    before: "Shot | None" = None


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """Return the problem it tells."""
        said: dict[str, Any] = json.loads(self.body)
        return said


Recipe = Callable[[Route], Shot]


def plain(route: Route) -> Shot:
    """Return a request that is right in form, for things that are not there."""
    about = route.about
    path = re.sub(r"\{(\w+)(?::[^{}]+)?\}", lambda found: _NAMES[found[1]], route.path)
    if about.query is not None and "revision" in about.query.model_fields:
        path += "?revision=1"  # the newest is asked of the index
    headers = {"Authorization": f"Bearer {KEY}"}
    if about.body is not None:
        headers["Content-Type"] = "application/json"
    return Shot(route.method, path, headers, _body(about))


def _body(about: Operation) -> bytes:
    return json.dumps(next(iter(about.examples.values()))).encode() if about.body else b""


def _without_key(route: Route) -> Shot:
    shot = plain(route)
    return replace(shot, headers={**shot.headers, "Authorization": "Bearer wrong"})


def _announcing(size_bytes: int) -> Recipe:
    return lambda route: replace(plain(route), body=b"", announced_bytes=size_bytes)


def _as_text(route: Route) -> Shot:
    shot = plain(route)
    return replace(shot, headers={**shot.headers, "Content-Type": "text/plain"})


def _wrong(route: Route) -> Shot:
    shot = plain(route)
    if route.about.body is not None:
        return replace(shot, body=b'{"colour": "red"}')
    if route.about.query is not None:
        return replace(shot, path=f"{shot.path}{'&' if '?' in shot.path else '?'}colour=red")
    return replace(shot, path=shot.path.replace("/demo/", "/a%20b/"))


def _reusing(route: Route) -> Shot:
    named = {"Idempotency-Key": uuid4().hex}
    body = json.dumps({"project_id": "demo", "data_key": "first", "data": named}).encode()
    first = plain(_PUBLISH)
    first = replace(first, body=body, headers={**first.headers, **named})
    shot = plain(route)
    return replace(shot, headers={**shot.headers, **named}, before=first)


def _from_nowhere(route: Route) -> Shot:
    return replace(plain(route), path=f"{plain(route).path}?cursor=nowhere")


RECIPES: Final[Mapping[Code, Recipe]] = {
    Code.UNAUTHENTICATED: _without_key,
    Code.UNAVAILABLE: lambda route: replace(plain(route), place=Place.STARTING),
    Code.NOT_READY: lambda route: replace(plain(route), place=Place.STARTING),
    Code.MALFORMED_REQUEST: lambda route: replace(plain(route), body=b'{"a": '),
    Code.TIMEOUT: _announcing(10),
    Code.TOO_LARGE: _announcing(ENDLESS_BYTES),
    Code.UNSUPPORTED_MEDIA_TYPE: _as_text,
    Code.INVALID_REQUEST: _wrong,
    Code.IDEMPOTENCY_KEY_REUSED: _reusing,
    Code.NOT_FOUND: plain,
    Code.INVALID_CURSOR: _from_nowhere,
}


def cells(routes: Iterable[Route] = ROUTES) -> list[tuple[Route, Code]]:
    """Return every route with every problem that it declares."""
    return [(route, code) for route in routes for code in sorted(problems_of(route))]


async def fire(url: str, shot: Shot) -> Reply:
    """Send a request, even one whose body never comes, and read the answer."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    size = len(shot.body) if shot.announced_bytes is None else shot.announced_bytes
    headers = {"Host": host, "Connection": "close", **shot.headers}
    if size:
        headers["Content-Length"] = str(size)
    lines = [f"{shot.method} {shot.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + shot.body)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await _read(reader)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Reply:
    """Read one answer; the connection may stay open for a while, in hope of the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().strip()
    status, *lines = head.split("\r\n")
    headers = {name.lower(): told for name, told in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(status.split(" ")[1]), headers, body)
