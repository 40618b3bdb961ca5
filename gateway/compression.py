"""Larger answers in JSON are compressed for who reads gzip.

Decides which: every document in JSON, problems included; never a stream, and never the bytes of a
value, which arrive as they were published.
"""

import re

from aiohttp import web

from gateway.limits import COMPRESSED_BYTES_MIN

_CODING = re.compile(r"\s*(?P<name>[^\s;]+)\s*(?:;\s*q\s*=\s*(?P<weight>[0-9.]+)\s*)?", re.ASCII)
_TYPES = frozenset({"application/json", "application/problem+json"})
_GZIP = frozenset({"gzip", "x-gzip", "*"})


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
    for one in ",".join(request.headers.getall("Accept-Encoding", [])).split(","):
        coding = _CODING.fullmatch(one)
        if coding is not None and coding["name"].lower() in _GZIP:
            return (coding["weight"] or "1").strip("0.") != ""
    return False
