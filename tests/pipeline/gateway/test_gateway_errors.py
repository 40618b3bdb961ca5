"""Every failure is a problem, and a wrong field is named."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from gateway_process import GatewayProcess
from yarl import URL

PUBLISH = "/api/v1/data/publish"
REGISTER = "/api/v1/agents/register"
VALUE: Mapping[str, Any] = {"project_id": "p", "data_key": "k", "data": {"a": 1}}
AGENT: Mapping[str, Any] = {"project_id": "p", "agent_id": "a", "data_needs": ["something"]}
HOOK = {"notification_method": "webhook", "webhook_url": "https://example.com/hook"}


async def problem(answer: aiohttp.ClientResponse, status: int) -> dict[str, Any]:
    text = await answer.text()
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), (
        f"expected a problem of {status}, got {answer.status} {answer.content_type}: {text}"
    )
    said: dict[str, Any] = json.loads(text)
    assert said.keys() >= {"type", "title", "status", "detail", "instance", "request_id"}
    assert said["status"] == status
    assert said["request_id"] == answer.headers["X-Request-ID"]
    return said


def fields(said: Mapping[str, Any]) -> set[str]:
    return {error["field"] for error in said["errors"]}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"project_id": "no/slash"}, 422, "project_id"),
        ({"project_id": ""}, 422, "project_id"),
        ({"project_id": 7}, 422, "project_id"),
        ({"project_id": None}, 422, "project_id"),
        ({"data_key": ""}, 422, "data_key"),
        ({"data_key": "é" * 257}, 422, "data_key"),
        ({"data_key": "line\nbreak"}, 422, "data_key"),
        ({"data_format": "sundial"}, 422, "data_format"),
        ({"data_format": "toml"}, 422, "data_format"),
        ({"data": "a = = 1", "data_format": "toml"}, 422, "data"),
        ({"data": "{", "data_format": "json"}, 422, "data"),
        ({"data": "a: [", "data_format": "yaml"}, 422, "data"),
        ({"data": "<a>", "data_format": "xml"}, 422, "data"),
        ({"data": "nul \x00"}, 422, "data"),
        ({"data": "x" * 900_001}, 413, "data"),
        ({"data": json.loads("[" * 65 + "]" * 65)}, 422, "data"),
        ({"metadata": {"a": 1}}, 422, "metadata.a"),
        ({"metadata": {str(n): "" for n in range(65)}}, 422, "metadata"),
        ({"metadata": {str(n): "é" * 1_000 for n in range(40)}}, 422, "metadata"),
        ({"event_type": ""}, 422, "event_type"),
        ({"tenant": "other"}, 422, "tenant"),
    ],
)
async def test_a_wrong_publish_names_its_field(
    http: aiohttp.ClientSession, change: Mapping[str, Any], status: int, field: str
) -> None:
    async with http.post(PUBLISH, json={**VALUE, **change}) as answer:
        said = await problem(answer, status)
    assert field in fields(said), f"expected an error of {field}, got {said['errors']}"


@pytest.mark.parametrize("field", ["project_id", "data_key", "data"])
async def test_a_missing_field_of_a_publish_is_named(
    http: aiohttp.ClientSession, field: str
) -> None:
    request = {name: value for name, value in VALUE.items() if name != field}
    async with http.post(PUBLISH, json=request) as answer:
        assert fields(await problem(answer, 422)) == {field}


async def test_all_wrong_fields_are_named_at_once(http: aiohttp.ClientSession) -> None:
    async with http.post(PUBLISH, json={"project_id": "a b", "extra": 1}) as answer:
        said = await problem(answer, 422)
    assert fields(said) == {"project_id", "data_key", "data", "extra"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": "a/b"}, "agent_id"),
        ({"project_id": "x" * 65}, "project_id"),
        ({"data_needs": []}, "data_needs"),
        ({"data_needs": "something"}, "data_needs"),
        ({"data_needs": ["ok", "  "]}, "data_needs[1].text"),
        ({"data_needs": ["ok", 3]}, "data_needs[1]"),
        ({"data_needs": ["x" * 2_001]}, "data_needs[0].text"),
        ({"data_needs": ["x"] * 101}, "data_needs"),
        ({"data_needs": [{"text": "x", "threshold": 1.5}]}, "data_needs[0].threshold"),
        ({"data_needs": [{"text": "x", "weight": 1}]}, "data_needs[0].weight"),
        ({"notification_method": "redis"}, "notification_method"),
        ({"notification_method": "pigeon"}, "notification_method"),
        ({"notification_method": "webhook"}, "webhook_url"),
        ({"webhook_url": "https://example.com"}, "webhook_url"),
        ({"webhook_secret": "whsec_x"}, "webhook_secret"),
        ({**HOOK, "webhook_url": "ftp://example.com"}, "webhook_url"),
        ({**HOOK, "webhook_url": "http://127.0.0.1/"}, "webhook_url"),
        ({**HOOK, "webhook_url": "http://169.254.169.254/"}, "webhook_url"),
        ({**HOOK, "webhook_secret": "short"}, "webhook_secret"),
        ({"token_budget": 0}, "token_budget"),
        ({"token_budget": "many"}, "token_budget"),
    ],
)
async def test_a_wrong_registration_names_its_field(
    http: aiohttp.ClientSession, change: Mapping[str, Any], field: str
) -> None:
    async with http.post(REGISTER, json={**AGENT, **change}) as answer:
        said = await problem(answer, 422)
    assert field in fields(said), f"expected an error of {field}, got {said['errors']}"


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b'{"a": 1,\n "b": }', 2, 7),
        (b"", 1, 1),
        (b'{"a": NaN}', None, None),
        (b"1e999", None, None),
    ],
)
async def test_what_is_no_json_is_told_with_its_place(
    http: aiohttp.ClientSession, body: bytes, line: int | None, column: int | None
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(PUBLISH, data=body, headers=headers) as answer:
        said = await problem(answer, 400)
    assert (said.get("line"), said.get("column")) == (line, column)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"data": "\xff"}', 400),
        (b'{"data": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'"text"', 422),
    ],
)
async def test_a_body_that_is_no_object_of_text_is_refused(
    http: aiohttp.ClientSession, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(PUBLISH, data=body, headers=headers) as answer:
        await problem(answer, status)


async def test_other_media_types_and_encodings_are_415(http: aiohttp.ClientSession) -> None:
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        async with http.post(PUBLISH, data=b"{}", headers=headers) as answer:
            await problem(answer, 415)


async def pieces(size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(size_bytes // 65_536 + 1):
        yield b" " * 65_536


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_beyond_the_limit_is_413(
    http: aiohttp.ClientSession, is_chunked: bool
) -> None:
    size_bytes = 2 * 1024 * 1024 + 1
    body = pieces(size_bytes) if is_chunked else io.BytesIO(b" " * size_bytes)
    headers = {"Content-Type": "application/json"}
    async with http.post(PUBLISH, data=body, headers=headers) as answer:
        assert fields(await problem(answer, 413)) == {"body"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/projects/p/data/", 404),
        ("PUT", PUBLISH, 405),
        ("DELETE", "/api/v1/projects/a%20b/data/k", 422),
        ("DELETE", "/api/v1/projects/p%2Fq/data/k", 422),
        ("DELETE", "/api/v1/projects/p/data/%FF", 422),
        ("GET", "/api/v1/agents/nobody?project_id=p", 404),
        ("DELETE", "/api/v1/agents/nobody?project_id=p", 404),
        ("GET", "/api/v1/agents/nobody/updates", 404),
        ("GET", "/api/v1/agents/a%2Fb", 422),
        ("GET", "/api/v1/agents?limit=0", 422),
        ("GET", "/api/v1/agents?limit=1&limit=2", 422),
        ("GET", "/api/v1/agents?cursor=%21", 422),
        ("GET", "/api/v1/agents?colour=red", 422),
    ],
)
async def test_routes_answer_with_problems(
    session_gateway: GatewayProcess, method: str, path: str, status: int
) -> None:
    url = URL(session_gateway.url + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        await problem(answer, status)
        assert status != 405 or answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nLarge: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["no request", "large header", "long line"],
)
async def test_what_is_no_http_is_a_problem_too(
    session_gateway: GatewayProcess, request_bytes: bytes
) -> None:
    host, _, port = session_gateway.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_bytes)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"400", answer
    assert b"application/problem+json" in head, answer
    assert json.loads(body)["status"] == 400


async def test_no_secret_key_means_no_webhooks_and_says_so(start_gateway: Any) -> None:
    gateway = start_gateway("keyless", CONTEX_SECRET_KEYS="")
    async with (
        aiohttp.ClientSession(gateway.url) as session,
        session.post(REGISTER, json={**AGENT, **HOOK}) as answer,
    ):
        said = await problem(answer, 422)
    assert fields(said) == {"notification_method"}
