"""Larger answers in JSON are compressed for who reads gzip.

Decides which: every document in JSON, problems included; never a stream, and never the bytes of a
value, which arrive as they were published.
"""

from aiohttp import web

from gateway.limits import COMPRESSED_BYTES_MIN
from gateway.weights import weights

_TYPES = frozenset({"application/json", "application/problem+json"})
_GZIP = ("gzip", "x-gzip", "*")
"""Its names, the one that counts first: `*` is what is not named itself."""


def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Have `response` compressed when it is worth it and the caller reads it."""
    as_published = "Content-Disposition" in response.headers
    if not isinstance(response, web.Response) or response.content_type not in _TYPES:
        return
    if as_published or not isinstance(response.body, bytes):
        return
    response.headers["Vary"] = "Accept-Encoding"
    if len(response.body) < COMPRESSED_BYTES_MIN or not _reads_gzip(request):
        return
    response.enable_compression(web.ContentCoding.gzip)
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):  # the same document, but no longer the same bytes
        response.headers["ETag"] = f"W/{etag}"


def _reads_gzip(request: web.Request) -> bool:
    wanted = weights(request.headers.getall("Accept-Encoding", []))
    return next((wanted[name] for name in _GZIP if name in wanted), 0) > 0
