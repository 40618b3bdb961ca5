"""Who gets in: every private route asks for the key, however its path is written."""

import asyncio
import json
from contextlib import suppress

import pytest
from gateway_app import API, Answer, Gateway, serving
from memory_log import PARTITION, MemoryLog, tell

from contex.records.names import AgentKey, Scope
from gateway.identity import ApiKeyIdentity, Permission
from gateway.routes import ROUTES, Route
from gateway.updates.hub import Hub
from topology.catalogue import PARTITIONS, REGISTRATIONS

KEY = "0123456789abcdef-secret"
PRIVATE = [route for route in ROUTES if route.permission is not Permission.PUBLIC]
PUBLIC = [route for route in ROUTES if route.permission is Permission.PUBLIC]


def path_of(template: str) -> str:
    for name, value in (("{data_key:.+}", "k"), ("{project_id}", "p"), ("{agent_id}", "a")):
        template = template.replace(name, value)
    return template.replace("{asset}", "start.js")


async def raw(gateway: Gateway, head: str, *headers: str, events: int = 0) -> bytes:
    """Send a request as it is written here, and return what comes back until the end.

    A stream does not end by itself: the gateway is closed once so many events came.
    """
    reader, writer = await asyncio.open_connection(gateway.http.host, gateway.http.port)
    lines = [head, "Host: gateway", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    got = b""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(10):
            while chunk := await reader.read(65_536):
                got += chunk
                if events and got.count(b"event: ") >= events:
                    gateway.house.hub.close()
    writer.close()
    return got


@pytest.mark.parametrize("route", PRIVATE, ids=lambda one: f"{one.method} {one.path}")
async def test_nobody_without_the_key_gets_past_the_door(route: Route) -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        for more in ({}, {"Authorization": "Bearer guess"}, {"X-API-Key": KEY + "x"}):
            answer = await gateway.ask(
                route.method, path_of(route.path), {"project_id": "p"}, body=None, **more
            )
            assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), more
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert KEY.encode() not in answer.body
        assert gateway.written() == gateway.written(REGISTRATIONS.name) == 0


@pytest.mark.parametrize("route", PRIVATE, ids=lambda one: f"{one.method} {one.path}")
async def test_a_parameter_that_a_route_does_not_heed_is_refused_and_nothing_is_done(
    route: Route,
) -> None:
    async with serving() as gateway:
        said: dict[str, str] | None = None if route.about.body is None else {}
        answer = await gateway.ask(route.method, f"{path_of(route.path)}?zzz=1", said)
        assert gateway.written() == gateway.written(REGISTRATIONS.name) == 0
    assert (answer.status, answer.fields) == (422, ["zzz"])
    assert answer.json["detail"] == "zzz: unknown query parameter"


async def test_a_body_that_is_too_large_is_told_what_is_not() -> None:
    async with serving() as gateway:
        for path, most in (("data/publish", "2,097,152"), ("batch/publish", "8,388,608")):
            body = b" " * (int(most.replace(",", "")) + 1)
            answer = await gateway.ask("POST", f"{API}/{path}", body=body)
            assert answer.status == 413
            assert answer.json["detail"] == f"the body may have at most {most} bytes"


@pytest.mark.parametrize("route", PUBLIC, ids=lambda one: f"{one.method} {one.path}")
async def test_probes_and_the_description_ask_for_no_key(route: Route) -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        answer = await gateway.ask(route.method, path_of(route.path))
    assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/agents",
        "//api/v1/agents",
        "/api//v1/agents",
        "/api/v1/agents/",
        "/./api/v1/agents",
        "/docs/../api/v1/agents",
        "/docs/%2e%2e/api/v1/agents",
        "/docs/..%2f..%2fapi%2fv1%2fagents",
        "/health/../api/v1/agents",
        "/health/live/../../api/v1/agents",
        "/API/V1/AGENTS",
        "/api/v1/%61gents",
        "/%61pi/v1/agents",
        "/api/v1/agents;/health",
        "/api/v1/agents?/health",
        "/api/v1/agents%00",
        "/api/v1/agents%3f",
        "/api/v1/agents#/health",
        "http://gateway/api/v1/agents",
        "http://gateway/health/../api/v1/agents",
        "/metrics/../api/v1/projects/p/data/k",
        "/api/v1/projects/p/data/../../../../health",
        "/api/v1/projects/p/data/%2e%2e/%2e%2e",
        "*",
    ],
)
async def test_no_way_of_writing_a_path_gets_around_the_key(path: str) -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"):
            if method != "GET" and path != "/api/v1/agents":
                continue
            got = await raw(gateway, f"{method} {path} HTTP/1.1")
            status = int(got.split(b" ", 2)[1])
            assert status in {400, 401, 404, 405}, f"{method} {path}: {got!r}"
            assert b'"agents"' not in got


async def test_an_override_of_the_method_is_not_one() -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        got = await raw(
            gateway,
            "GET /health/live HTTP/1.1",
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /api/v1/agents",
            "X-Rewrite-URL: /api/v1/agents",
        )
    assert got.endswith(b'{"status":"ok"}'), got


@pytest.mark.parametrize(
    "header", [{"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}], ids=["bearer", "own"]
)
async def test_who_shows_the_key_is_let_in(header: dict[str, str]) -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        answer = await gateway.get("/agents", **header)
        written = await gateway.publish("k", 1, **header)
    assert (answer.status, written.status) == (200, 202)


async def test_the_description_tells_whether_a_key_is_asked_for() -> None:
    for resolver, secured in ((ApiKeyIdentity("t", KEY), True), (None, False)):
        async with serving(resolver) as gateway:
            answer = await gateway.ask("GET", "/openapi.json")
        assert ({} not in answer.json["security"]) == secured
        assert KEY.encode() not in answer.body


async def test_a_gateway_that_is_not_ready_says_what_is_missing_and_lives() -> None:
    async with serving() as gateway:
        gateway.house.health = {"kafka": False, "started": True, "producer": False}
        for path in ("/health", "/health/ready"):
            answer = await gateway.ask("GET", path)
            assert (answer.status, answer.json["code"]) == (503, "not-ready")
            assert answer.json["detail"] == "not ready: kafka, producer"
            assert answer.json["checks"] == gateway.house.health
        live = await gateway.ask("GET", "/health/live")
        gateway.house.health = {"kafka": True}
        ready = await gateway.ask("GET", "/health/ready")
    assert (live.status, ready.status, ready.json["checks"]) == (200, 200, {"kafka": True})


async def test_before_the_start_whoever_has_the_key_is_asked_to_wait() -> None:
    async with serving(ApiKeyIdentity("t", KEY)) as gateway:
        gateway.house.started = False
        answer = await gateway.get("/agents", X_API_Key=KEY)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_an_asset_is_one_of_the_list_and_nothing_else() -> None:
    async with serving() as gateway:
        for name in ("page.html", "start.js/", "..%2ffiles.py", "%2e%2e%2fserver.py", "x" * 500):
            got = await raw(gateway, f"GET /docs/{name} HTTP/1.1")
            assert got.startswith(b"HTTP/1.1 404"), name
            assert b"import" not in got
        script = await gateway.ask("GET", "/docs/start.js")
    assert script.headers["Content-Type"] == "text/javascript"


def events(body: bytes) -> list[dict[str, str]]:
    found = []
    for frame in body.decode().split("\n\n"):
        fields = dict(one.split(": ", 1) for one in frame.splitlines() if not one.startswith(":"))
        if "event" in fields:
            found.append(fields)
    return found


async def streamed(gateway: Gateway, path: str, *headers: str, count: int = 0) -> Answer:
    """Read a stream until it has told so many events, or a refusal."""
    got = await raw(gateway, f"GET {API}{path} HTTP/1.1", *headers, events=count)
    head, _, body = got.partition(b"\r\n\r\n")
    pieces = body.split(b"\r\n")[1::2] if b"chunked" in head else [body]
    lines = head.decode().split("\r\n")
    fields = dict(one.split(": ", 1) for one in lines[1:])
    return Answer(int(lines[0].split(" ")[1]), fields, b"".join(pieces))


async def told_three(gateway: Gateway) -> str:
    """Register an agent, tell it three updates, and return the cursor before them."""
    registered = await gateway.register("a")
    for revision in range(3):
        tell(gateway.log, revision)
    gateway.house.hub.advance(PARTITION, 3)
    cursor: str = registered.json["cursor"]
    return cursor


async def test_a_stream_tells_what_came_after_the_cursor_once() -> None:
    async with serving() as gateway:
        cursor = await told_three(gateway)
        whole = await streamed(gateway, f"/agents/a/updates?cursor={cursor}", count=3)
    told = events(whole.body)
    assert (whole.status, whole.headers["Cache-Control"]) == (200, "no-cache")
    assert whole.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert [one["event"] for one in told] == ["matched"] * 3
    assert [json.loads(one["data"])["data"]["items"][0]["revision"] for one in told] == [0, 1, 2]


async def test_the_last_event_wins_over_the_cursor_of_the_url() -> None:
    async with serving() as gateway:
        cursor = await told_three(gateway)
        partition = cursor.partition(":")[0]
        found = await streamed(
            gateway,
            f"/agents/a/updates?cursor={cursor}",
            f"Last-Event-ID: {partition}:2",
            count=1,
        )
    [one] = events(found.body)
    assert json.loads(one["data"])["data"]["items"][0]["revision"] == 2


@pytest.mark.parametrize(
    ("query", "header", "field"),
    [
        ("?cursor=x", "", "cursor"),
        ("?cursor=99:0", "", "cursor"),
        ("?cursor=-1:0", "", "cursor"),
        ("?cursor=0:" + "0" * 63, "", "cursor"),
        ("", "Last-Event-ID: \xff", "Last-Event-ID"),
        ("?cursor=0:0", "Last-Event-ID: 1", "Last-Event-ID"),
    ],
)
async def test_a_cursor_that_is_none_is_named_where_it_was_given(
    query: str, header: str, field: str
) -> None:
    async with serving() as gateway:
        await gateway.register("a")
        answer = await streamed(gateway, f"/agents/a/updates{query}", *filter(None, [header]))
    assert (answer.status, answer.json["code"]) == (400, "invalid-cursor")
    assert answer.fields == [field]


async def test_streams_are_bounded_and_a_closing_gateway_takes_none() -> None:
    log = MemoryLog()
    async with serving(log=log) as gateway:
        await gateway.register("a")
        assert log.get(AgentKey(Scope("t", "p"), "a")) is not None
        gateway.house.hub = Hub(PARTITIONS, streams_max=0)
        full = await gateway.get("/agents/a/updates")
        gateway.house.hub.close()
        closing = await gateway.get("/agents/a/updates")
    assert [(one.status, one.headers["Retry-After"]) for one in (full, closing)] == [(503, "5")] * 2
    assert "0 agents are connected" in full.json["detail"]
    assert "closing" in closing.json["detail"]
