"""How answers look in JSON, and where handlers find what they work with."""

import json

from aiohttp import web

from gateway.answers import AnswerModel
from gateway.house import House

HOUSE = web.AppKey("house", House)


def json_answer(answer: AnswerModel, *, status: int = 200) -> web.Response:
    """Return `answer` as JSON, without the fields that were not set."""
    # Not orjson: a value's own integers may be larger than 64 bits, and must arrive as they are.
    text = json.dumps(
        answer.model_dump(exclude_unset=True),
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    body = text.encode(errors="backslashreplace")
    return web.Response(status=status, body=body, content_type="application/json")
