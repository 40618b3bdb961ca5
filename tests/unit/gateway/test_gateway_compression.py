"""Larger JSON is compressed for who reads gzip; values and streams stay as they are."""

import gzip
import zlib

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from gateway.edge import edge
from gateway.handlers.answers import bytes_answer, not_modified
from gateway.limits import COMPRESSED_BYTES_MIN

LARGE = b'{"a":"' + b"x" * COMPRESSED_BYTES_MIN + b'"}'
HUGE = b'{"a":"' + b"x" * 300_000 + b'"}'


async def answered(
    response: web.StreamResponse, accept: str | None
) -> tuple[aiohttp.ClientResponse, bytes]:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return response

    app = web.Application(middlewares=[edge])
    app.router.add_get("/", handler)
    headers = {} if accept is None else {"Accept-Encoding": accept}
    skipped = ["Accept-Encoding"] if accept is None else []
    async with TestClient(
        TestServer(app), auto_decompress=False, skip_auto_headers=skipped
    ) as client:
        answer = await client.get("/", headers=headers)
        return answer, await answer.read()


@pytest.mark.parametrize(
    "accept",
    ["gzip", "GZIP", "deflate, gzip;q=0.5", "br;q=1.0, gzip; q=0.8, *;q=0.1", "*", "*;q=0, x-gzip"],
)
@pytest.mark.parametrize("body", [LARGE, HUGE])
async def test_a_larger_answer_is_compressed_for_who_reads_gzip(body: bytes, accept: str) -> None:
    answer, got = await answered(bytes_answer(body, status=200), accept)
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == (
        "gzip",
        "Accept-Encoding",
    )
    assert len(got) < len(body)
    assert gzip.decompress(got) == body


@pytest.mark.parametrize(
    "accept",
    [None, "", "identity", "deflate", "gzip;q=0", "gzip; q=0.0", "br", "*, gzip;q=0", "gzip;q=2"],
)
async def test_nobody_else_gets_gzip(accept: str | None) -> None:
    answer, got = await answered(bytes_answer(LARGE, status=200), accept)
    assert ("Content-Encoding" in answer.headers, got) == (False, LARGE)
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_a_small_answer_is_not_worth_it() -> None:
    answer, got = await answered(bytes_answer(b"{}", status=200), "gzip")
    assert ("Content-Encoding" in answer.headers, got) == (False, b"{}")


async def test_the_bytes_of_a_value_stay_as_they_are() -> None:
    headers = {"Content-Type": "application/json", "Content-Disposition": "attachment"}
    answer, got = await answered(web.Response(body=LARGE, headers=headers), "gzip")
    assert ("Content-Encoding" in answer.headers, got) == (False, LARGE)


async def test_a_compressed_answer_has_a_weak_etag() -> None:
    response = bytes_answer(LARGE, status=200, headers={"ETag": '"7"'})
    answer, got = await answered(response, "gzip")
    assert answer.headers["ETag"] == 'W/"7"'
    assert zlib.decompress(got, wbits=31) == LARGE


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ('"7"', True),
        ('W/"7"', True),
        ('"6", "7"', True),
        ("*", True),
        ('"6"', False),
        ("7", False),
        ('"77"', False),
        ("", False),
        (None, False),
    ],
)
def test_who_has_it_already_is_told_so(given: str | None, known: bool) -> None:
    request = make_mocked_request("GET", "/", {} if given is None else {"If-None-Match": given})
    answer = not_modified(request, '"7"')
    assert (answer is not None) is known
    if answer is not None:
        assert (answer.status, answer.headers["ETag"], answer.body) == (304, '"7"', None)
