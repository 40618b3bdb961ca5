"""The whole product, asked with a key and waited for: the answer says what follows from a write."""

import asyncio
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from contex.local.stack import Stack, StackOptions
from gateway.identity import Permission
from gateway.routes import ROUTES

KEY = "prefer-prefer-prefer"
NEED = "espresso coffee beans"
COFFEE = {"drink": "espresso coffee", "beans": "espresso coffee beans"}
MORE_COFFEE = {"drink": "espresso coffee", "beans": "light espresso coffee beans"}
WAIT = {"Prefer": "wait=30"}
SHORTLY = {"Prefer": "wait=1"}
SHORTLY_S = 9.0
"""More than `wait=1`, far less than the timeout of a call to an index that hangs."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"CONTEX_API_KEY": KEY, "CONTEX_EMBEDDER": "deterministic"}
    options = StackOptions(tmp_path_factory.mktemp("prefer"), environment=environment)
    with Stack(options) as stack:
        yield stack


class Project:
    """A project of a test's own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.name = f"p-{uuid.uuid4().hex[:8]}"

    async def publish(
        self, data: object, headers: dict[str, str], data_key: str = "k"
    ) -> tuple[int, Any, str | None]:
        """Return status, body and what preference was applied."""
        body = {"project_id": self.name, "data_key": data_key, "data": data}
        return await self.call("POST", "/data/publish", body, headers)

    async def register(self, headers: dict[str, str]) -> tuple[int, Any, str | None]:
        body = {"agent_id": "a", "project_id": self.name, "data_needs": [NEED]}
        return await self.call("POST", "/agents/register", body, headers)

    async def call(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, Any, str | None]:
        async with self.session.request(
            method, f"/api/v1{path}", json=body, headers=headers
        ) as answer:
            applied = answer.headers.get("Preference-Applied")
            return answer.status, await answer.json(), applied


@pytest.fixture
async def project(stack: Stack) -> AsyncIterator[Project]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(stack.gateway_url, headers=headers) as session:
        yield Project(session)


def told(**counts: int) -> dict[str, int]:
    return {"matched": 0, "updated": 0, "retracted": 0, "deleted": 0, **counts}


async def test_what_follows_from_a_write_is_in_its_answer(project: Project) -> None:
    status, registered, applied = await project.register(WAIT)
    assert (status, applied) == (200, "wait=30"), registered
    initial = registered["initial"]
    assert (initial["type"], initial["data"]["epoch"], initial["data"]["items"]) == (
        "context.initial",
        registered["epoch"],
        [],
    )
    outcomes = []
    for data in (COFFEE, COFFEE, MORE_COFFEE, {"sport": "football"}):
        status, body, applied = await project.publish(data, WAIT)
        assert (status, applied, body["status"]) == (200, "wait=30", "published"), body
        outcomes.append((body["outcome"], body["agents_told"], body["told"]))
    assert outcomes == [
        ("routed", 1, told(matched=1)),
        ("unchanged", 0, told()),
        ("routed", 1, told(updated=1)),
        ("routed", 1, told(retracted=1)),
    ]
    await project.publish(COFFEE, {})
    path = f"/projects/{project.name}/data/k"
    status, body, _ = await project.call("DELETE", path, None, WAIT)
    assert (status, body["status"], body["outcome"]) == (200, "deleted", "routed")
    assert body["told"] == told(deleted=1)


async def test_a_changed_agent_is_answered_with_its_new_initial(project: Project) -> None:
    await project.register({})
    await project.publish(COFFEE, WAIT)
    path = f"/agents/a?project_id={project.name}"
    status, changed, _ = await project.call("PATCH", path, {"token_budget": 5_000}, WAIT)
    assert status == 200, changed
    items = changed["initial"]["data"]["items"]
    assert [(item["data_key"], item["data"]) for item in items] == [("k", COFFEE)]


async def test_a_repeat_may_wait_though_the_first_did_not(project: Project) -> None:
    await project.register({})
    key = {"Idempotency-Key": f"first-{project.name}"}
    status, first, applied = await project.publish(COFFEE, key)
    assert (status, applied) == (202, None)
    status, repeat, _ = await project.publish(COFFEE, {**key, **WAIT})
    assert (status, repeat["revision"]) == (200, first["revision"])
    assert (repeat["outcome"], repeat["told"]) == ("routed", told(matched=1))
    assert (await project.publish(MORE_COFFEE, WAIT))[1]["outcome"] == "routed"
    status, late, _ = await project.publish(COFFEE, {**key, **WAIT})
    assert (status, late["outcome"], late["agents_told"]) == (200, "superseded", 0)


async def test_batches_do_not_wait(project: Project) -> None:
    items = [{"project_id": project.name, "data_key": "k", "data": COFFEE}]
    status, body, applied = await project.call("POST", "/batch/publish", items, WAIT)
    assert (status, body["successful"], applied) == (200, 1, None)


@asynccontextmanager
async def standing_still(stack: Stack, child: str) -> AsyncIterator[None]:
    stack.kill(child, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(child, signal.SIGCONT)


@pytest.mark.parametrize("child", ["routing-1", "index"])
async def test_who_cannot_be_told_in_time_is_answered_202(
    stack: Stack, project: Project, child: str
) -> None:
    await project.publish("warm", WAIT)
    async with standing_still(stack, child):
        started = time.monotonic()
        status, body, applied = await project.publish(COFFEE, SHORTLY)
        took_s = time.monotonic() - started
    assert (status, applied, "outcome" in body) == (202, "wait=1", False)
    assert took_s < SHORTLY_S, f"expected an answer after about 1 s, got one after {took_s:.1f} s"
    status, body, _ = await project.publish(MORE_COFFEE, WAIT)
    assert (status, body["outcome"]) == (200, "routed")


async def test_many_publishers_wait_at_once(project: Project) -> None:
    answers = await asyncio.gather(
        *(project.publish({"n": number}, WAIT, f"key-{number}") for number in range(64))
    )
    got = {(status, body.get("outcome")) for status, body, _ in answers}
    assert got == {(200, "routed")}, got


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_key_is_asked_for_by_all_but_public_routes(stack: Stack, route: Any) -> None:
    path = route.path.replace("{data_key:.+}", "k").replace("{project_id}", "p")
    path = path.replace("{agent_id}", "a").replace("{asset}", "x")
    public = route.permission is Permission.PUBLIC
    async with aiohttp.ClientSession(stack.gateway_url) as session:
        async with session.request(route.method, path) as answer:
            assert (answer.status == 401) is not public, await answer.text()
            assert ("WWW-Authenticate" in answer.headers) is not public
        headers = {"X-API-Key": f"{KEY}x"}
        async with session.request(route.method, path, headers=headers) as answer:
            assert (answer.status == 401) is not public, await answer.text()
            challenge = answer.headers.get("WWW-Authenticate", "")
            assert ("invalid_token" in challenge) is not public


async def test_the_key_opens_in_either_header(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.gateway_url) as session:
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            async with session.get("/api/v1/agents", headers=headers) as answer:
                assert answer.status == 200, await answer.text()


def test_the_key_stands_in_no_log(stack: Stack) -> None:
    logs = [path for path in Path(stack.options.data).rglob("*.log") if path.is_file()]
    assert logs
    assert [path.name for path in logs if KEY in path.read_text(errors="replace")] == []
