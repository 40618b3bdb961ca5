"""Whoever may read may ask for the head alone, as uptime probes and `curl -I` do."""

import pytest
from gateway_app import API, serving

from gateway.identity import ApiKeyIdentity
from gateway.routes import ROUTES

VALUE = f"{API}/projects/p/data/k"
LIST = f"{API}/projects/p/data"
TEMPLATES = {route.path for route in ROUTES if route.method == "GET" and not route.endless}
KEPT = ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary")


@pytest.mark.parametrize("template", sorted(TEMPLATES))
async def test_the_head_is_that_of_the_answer(template: str) -> None:
    path = template.replace("{project_id}", "p").replace("{data_key:.+}", "k")
    path = path.replace("{agent_id}", "a").replace("{asset}", "start.js")
    async with serving() as gateway:
        await gateway.publish_routed("k", "one")
        await gateway.register("a")
        whole, head = [await gateway.ask(method, path) for method in ("GET", "HEAD")]
    assert (head.status, head.body) == (whole.status, b"")
    for name in KEPT:
        if (path, name) != ("/metrics", "Content-Length"):  # it counts the requests themselves
            assert head.headers.get(name) == whole.headers.get(name), name


async def test_a_streamed_list_has_a_head_too() -> None:
    async with serving() as gateway:
        await gateway.publish_routed("k", "one")
        head = await gateway.ask("HEAD", LIST, Accept="application/x-ndjson")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == "application/x-ndjson"


async def test_what_is_known_is_not_modified_by_its_head_alone() -> None:
    async with serving() as gateway:
        revision = await gateway.publish_routed("k", "one")
        head = await gateway.ask("HEAD", VALUE, If_None_Match=f'"{revision}"')
    assert (head.status, head.body) == (304, b"")


async def test_a_stream_has_no_head_to_tell() -> None:
    async with serving() as gateway:
        head = await gateway.ask("HEAD", f"{API}/agents/a/updates")
    assert (head.status, head.headers["Allow"]) == (405, "GET")


async def test_the_head_needs_the_key_as_the_answer_does() -> None:
    async with serving(ApiKeyIdentity("t", "0123456789abcdef-secret")) as gateway:
        assert (await gateway.ask("HEAD", VALUE)).status == 401
        assert (await gateway.ask("HEAD", "/health/live")).status == 200
