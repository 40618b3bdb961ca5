"""How answers look in JSON, and where handlers find what they work with."""

import json
from collections.abc import Mapping

from aiohttp import web

from gateway.answers import AnswerModel
from gateway.house import House

HOUSE = web.AppKey("house", House)
_COMPRESSED_INLINE_BYTES_MAX = 64 * 1024
"""Larger answers are compressed in a thread."""


def json_answer(answer: AnswerModel, *, status: int = 200) -> web.Response:
    """Return `answer` as JSON, without the fields that were not set."""
    return bytes_answer(rendered(answer), status=status)


def rendered(answer: AnswerModel) -> bytes:
    """Return `answer` as the bytes of its JSON."""
    # Not orjson: a value's own integers may be larger than 64 bits, and must arrive as they are.
    text = json.dumps(
        answer.model_dump(exclude_unset=True),
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    return text.encode(errors="backslashreplace")


def bytes_answer(
    body: bytes, *, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return JSON that is rendered already."""
    return web.Response(
        status=status,
        body=body,
        headers=headers,
        content_type="application/json",
        zlib_executor_size=_COMPRESSED_INLINE_BYTES_MAX,
    )


def not_modified(request: web.Request, etag: str) -> web.Response | None:
    """Return 304 when the caller has what `etag` names already, else None."""
    known = [
        one.strip().removeprefix("W/")
        for header in request.headers.getall("If-None-Match", [])
        for one in header.split(",")
    ]
    if etag.removeprefix("W/") not in known and "*" not in known:
        return None
    return web.Response(status=304, headers={"ETag": etag, "Vary": "Accept-Encoding"})
