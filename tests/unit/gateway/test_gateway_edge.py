"""The outermost layer: one shape for every answer, and no second answer once one has begun."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from contex.errors import DependencyAway, InvalidValue, LimitExceeded
from contex.log.failures import LogMisuse
from gateway.edge import Handler, edge, protect, request_id
from gateway.limits import REQUEST_ID_CHARACTERS_MAX
from gateway.problems import Refusal, not_found

Client = TestClient[web.Request, web.Application]
SECRET = "the password is hunter2"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[edge])
    app.on_response_prepare.append(protect)
    app.router.add_route("GET", "/", handler)
    async with TestClient(TestServer(app)) as client:
        yield client


def failing(error: Exception, before: bytes | None = None) -> Handler:
    """Return a handler that raises, after the beginning of an answer if there is one."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if before is not None:
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            if before:
                await response.write(before)
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidValue("not so", field="data"), 422, "invalid-request"),
        (LimitExceeded("too much", field="data"), 413, "too-large"),
        (Refusal(not_found("no such thing")), 404, "not-found"),
        (DependencyAway(SECRET), 503, "unavailable"),
        (LogMisuse(SECRET), 503, "unavailable"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "too-large"),
        (RuntimeError(SECRET), 500, "internal"),
        (TimeoutError(SECRET), 500, "internal"),
        (KeyError(SECRET), 500, "internal"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else str(one),
)
async def test_whatever_is_raised_is_a_problem_that_tells_nothing_internal(
    error: Exception, status: int, code: str
) -> None:
    async with serving(failing(error)) as client, client.get("/") as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
        assert SECRET not in json.dumps(problem)
        assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert problem["instance"] == "/"
        assert ("Retry-After" in answer.headers) == (status == 503)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a bug"), DependencyAway("away"), Refusal(not_found("gone")), KeyError("x")],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("before", [b"", b'{"data_key":"k"}\n'], ids=["headers", "a line"])
async def test_an_answer_that_has_begun_is_cut_and_never_followed_by_another(
    error: Exception, before: bytes
) -> None:
    async with serving(failing(error, before)) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        got = bytearray()
        with suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                while chunk := await reader.read(4096):
                    got += chunk
        writer.close()
    assert got.count(b"HTTP/1.1") <= 1, f"expected no second answer, got {bytes(got)!r}"
    assert not got.endswith(b"0\r\n\r\n"), "expected no end of the answer"


async def test_nobody_takes_a_cut_answer_for_whole() -> None:
    async with serving(failing(RuntimeError("a bug"), b"{}\n")) as client:
        answer = await client.get("/")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_method_that_is_not_answered_says_which_are() -> None:
    async with serving(failing(RuntimeError())) as client:
        for method in ("POST", "OPTIONS", "HEAD", "PUT"):
            async with client.request(method, "/") as answer:
                assert (answer.status, answer.headers["Allow"]) == (405, "GET")
                assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("order-17/retry:2", True),
        ("a" * REQUEST_ID_CHARACTERS_MAX, True),
        ("a" * (REQUEST_ID_CHARACTERS_MAX + 1), False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("<script>", False),
        (None, False),
    ],
)
def test_a_sane_request_id_is_kept_and_any_other_replaced(given: str | None, kept: bool) -> None:
    found = request_id(given)
    assert (found == given) == kept
    assert request_id(found) == found


async def test_every_answer_has_the_standing_headers_and_may_say_how_long_it_keeps() -> None:
    async def keeps(_request: web.Request) -> web.Response:
        return web.Response(text="x", headers={"Cache-Control": "private, max-age=5"})

    async with (
        serving(keeps) as client,
        client.get("/", headers={"X-Request-ID": "mine"}) as answer,
    ):
        assert {name: answer.headers[name] for name in (
            "X-Request-ID", "X-Content-Type-Options", "Server", "Cache-Control",
        )} == {
            "X-Request-ID": "mine",
            "X-Content-Type-Options": "nosniff",
            "Server": "contex",
            "Cache-Control": "private, max-age=5",
        }  # fmt: skip
