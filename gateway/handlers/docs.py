"""The gateway's own description: the document, and a page that shows it without any other host."""

import hashlib
from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from gateway.docs import files
from gateway.handlers.answers import bytes_answer, not_modified
from gateway.problems import Refusal, not_found

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""The page loads from this gateway alone; what it tries out, it asks of this gateway alone."""
_ASSETS_KEPT: Final = "public, max-age=3600"
_ASKED_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Description:
    """The document as it is served, and its ETag."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Return how `text` is served."""
        body = text.encode()
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:16]}"')


DESCRIPTION = web.AppKey("description", Description)


async def document(request: web.Request) -> web.Response:
    """Answer with the OpenAPI document, or 304 to who has it."""
    description = request.app[DESCRIPTION]
    answer = not_modified(request, description.etag) or bytes_answer(description.body, status=200)
    answer.headers.update({"ETag": description.etag, "Cache-Control": _ASKED_AGAIN})
    return answer


async def page(_request: web.Request) -> web.Response:
    """Answer with the page."""
    return _file(files.page(), {"Content-Security-Policy": POLICY, "Cache-Control": _ASKED_AGAIN})


async def asset(request: web.Request) -> web.Response:
    """Answer with one of the files that the page asks for."""
    name = request.match_info["asset"]
    found = files.asset(name)
    if found is None:
        raise Refusal(not_found(f"the page has no file {name[:80]!r}"))
    return _file(found, {"Cache-Control": _ASSETS_KEPT})


def _file(found: files.File, headers: dict[str, str]) -> web.Response:
    return web.Response(body=found.content, headers={**headers, "Content-Type": found.content_type})
