"""Deny by default: every route asks for something, and room is bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.about import operating
from gateway.admission import Admission
from gateway.edge import edge, protect
from gateway.identity import Identity, Permission, StaticIdentity
from gateway.routes import API, ROUTES, Route, add, check

Client = TestClient[web.Request, web.Application]


class Fixed:
    """Everybody has these permissions."""

    def __init__(self, *permissions: Permission) -> None:
        self._identity = Identity("t", frozenset(permissions))

    async def resolve(self, request: web.Request) -> Identity:
        del request
        return self._identity


async def echo(request: web.Request) -> web.Response:
    return web.Response(text=request.path)


def stubs() -> list[Route]:
    return [replace(route, handler=echo) for route in ROUTES]


@asynccontextmanager
async def serving(
    routes: list[Route], resolver: Fixed | StaticIdentity, *, started: bool = True, room: int = 10
) -> AsyncIterator[Client]:
    app = web.Application()
    permissions = add(app, routes)
    check(app, permissions)
    admission = Admission(permissions, resolver, started=lambda: started, in_flight_max=room)
    app.middlewares.extend([edge, admission.middleware()])
    app.on_response_prepare.append(protect)
    async with TestClient(TestServer(app)) as client:
        yield client


def test_a_route_without_a_permission_does_not_start() -> None:
    app = web.Application()
    permissions = add(app)
    app.router.add_get("/forgotten", echo)
    with pytest.raises(RuntimeError, match="/forgotten declares no permission"):
        check(app, permissions)


def test_only_health_metrics_and_the_description_are_public() -> None:
    public = {route.path for route in ROUTES if route.permission is Permission.PUBLIC}
    assert public == {
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/{asset}",
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_answers_who_holds_its_permission_and_nobody_else(route: Route) -> None:
    path = route.path.replace("{data_key:.+}", "k").replace("{project_id}", "p")
    path = path.replace("{agent_id}", "a").replace("{asset}", "start.js")
    public = route.permission is Permission.PUBLIC
    others = [one for one in Permission if one is not route.permission]
    async with serving(stubs(), Fixed(route.permission)) as client:
        assert (await client.request(route.method, path)).status == 200
    async with serving(stubs(), Fixed(*others)) as client:
        answer = await client.request(route.method, path)
        assert answer.status == (200 if public else 403)


async def test_before_it_has_started_only_public_routes_are_answered() -> None:
    async with serving(stubs(), StaticIdentity("t"), started=False) as client:
        assert (await client.get("/health/live")).status == 200
        refused = await client.get(f"{API}/agents")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


async def test_room_is_bounded_and_comes_back() -> None:
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        holding.set()
        await release.wait()
        return await echo(request)

    routes = [Route("GET", "/hold", hold, Permission.AGENTS_READ, operating.LIVE)]
    async with serving(routes, StaticIdentity("t"), room=1) as client:
        held = asyncio.create_task(client.get("/hold"))
        await holding.wait()
        refused = await client.get("/hold")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        release.set()
        assert (await held).status == 200
        assert (await client.get("/hold")).status == 200


async def test_an_unexpected_error_is_a_bare_500_with_the_request_id() -> None:
    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError("internal detail")

    routes = [Route("GET", "/fail", fail, Permission.PUBLIC, operating.LIVE)]
    async with serving(routes, StaticIdentity("t")) as client:
        answer = await client.get("/fail", headers={"X-Request-ID": "mine-7"})
        said = await answer.json(content_type="application/problem+json")
    assert (answer.status, said["request_id"]) == (500, "mine-7")
    assert answer.headers["X-Request-ID"] == "mine-7"
    assert "internal detail" not in str(said)


@pytest.mark.parametrize("given", ["", "x" * 129, "with space", "semi;colon", "\u00e9"])
async def test_an_insane_request_id_is_replaced(given: str) -> None:
    async with serving(stubs(), StaticIdentity("t")) as client:
        answer = await client.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] not in {given, ""}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
