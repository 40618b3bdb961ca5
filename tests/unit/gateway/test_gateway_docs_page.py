"""The page of the description: every file it needs is here, and it asks nobody else."""

import re
from html.parser import HTMLParser

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.docs import files
from gateway.edge import edge, protect
from gateway.handlers import docs
from gateway.handlers.docs import DESCRIPTION, Description

OTHER_HOST = re.compile(r"(?:https?:)?//[A-Za-z0-9]")


class Links(HTMLParser):
    """Collects what a page loads or points to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [link for name in ("src", "href") if (link := named.get(name))]
        self.inline += tag in {"script", "style"} and "src" not in named


@pytest.fixture
async def client() -> TestClient[web.Request, web.Application]:
    app = web.Application(middlewares=[edge])
    app.router.add_get("/openapi.json", docs.document)
    app.router.add_get("/docs", docs.page)
    app.router.add_get("/docs/{asset}", docs.asset)
    app.on_response_prepare.append(protect)
    app[DESCRIPTION] = Description.of('{"openapi": "3.1.0"}\n')
    return TestClient(TestServer(app))


Client = TestClient[web.Request, web.Application]


def test_the_page_and_its_script_name_no_other_host() -> None:
    script = files.asset("start.js")
    assert script is not None
    for found in (files.page(), script):
        assert OTHER_HOST.findall(found.content.decode()) == []
    assert b"validatorUrl: null" in script.content  # its default is a host of Swagger's


async def test_all_that_the_page_loads_is_served_here(client: Client) -> None:
    links = Links()
    links.feed(files.page().content.decode())
    assert links.inline == 0, "the policy forbids scripts and styles inside the page"
    assert {link.removeprefix("/docs/") for link in links.found} == {
        *files.ASSETS,
        "/openapi.json",
    }
    async with client:
        for link in links.found:
            answer = await client.get(link)
            assert (answer.status, bool(await answer.read())) == (200, True), link


async def test_the_policy_lets_nothing_else_load(client: Client) -> None:
    async with client:
        policy = (await client.get("/docs")).headers["Content-Security-Policy"]
    said = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert said["default-src"] == "'none'"
    assert said["script-src"] == "'self'"
    assert said["connect-src"] == "'self'"
    assert not OTHER_HOST.search(policy)


@pytest.mark.parametrize(
    "name", ["index.html", "swagger-editor.js", "..%2Fpage.html", "page.html", "start.js%00"]
)
async def test_nothing_else_of_the_package_is_served(client: Client, name: str) -> None:
    async with client:
        answer = await client.get(f"/docs/{name}")
        said = await answer.json(content_type="application/problem+json")
    assert (answer.status, said["code"]) == (404, "not-found")


async def test_the_document_is_sent_once_to_who_keeps_it(client: Client) -> None:
    async with client:
        first = await client.get("/openapi.json")
        etag = first.headers["ETag"]
        assert (first.status, (await first.json())["openapi"]) == (200, "3.1.0")
        for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await client.get("/openapi.json", headers={"If-None-Match": given})
            assert (again.status, again.headers["ETag"], await again.read()) == (304, etag, b"")
        other = await client.get("/openapi.json", headers={"If-None-Match": '"other"'})
        assert other.status == 200
