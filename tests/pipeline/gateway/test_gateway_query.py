"""Queries, lists and newest versions, asked over HTTP of a gateway with an index of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest
from gateway_process import GatewayProcess
from index_engines import EngineProcess
from query_world import World

from contex.embedding.deterministic import DeterministicEmbedder
from contex.index.qdrant import QdrantIndex
from contex.records import Scope
from contex.records.publication import INLINE_BYTES_MAX
from contex.text.passages import RECIPE

TENANT = "asks"
LOAD_DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path_factory.mktemp("index"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def gateway(
    topics: str, engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    settings = {
        "CONTEX_EMBEDDER": "deterministic",
        "QDRANT_URL": "http://127.0.0.1",
        "QDRANT_GRPC_PORT": str(engine.port),
    }
    folder = tmp_path_factory.mktemp("gateway")
    process = GatewayProcess(topics, folder, tenant=TENANT, settings=settings)
    process.start()
    yield process
    process.kill()


class Project:
    """One project: published through the gateway, routed into its index, asked again."""

    def __init__(self, http: aiohttp.ClientSession, world: World, name: str) -> None:
        self.http = http
        self.name = name
        self.path = f"/api/v1/projects/{name}"
        self._world = world
        self._scope = Scope(TENANT, name)

    async def publish(self, key: str, data: object, **metadata: str) -> int:
        """Publish and route a value."""
        said = {"project_id": self.name, "data_key": key, "data": data, "metadata": metadata}
        async with self.http.post("/api/v1/data/publish", json=said) as answer:
            assert answer.status == 202, await answer.text()
            revision: int = (await answer.json())["revision"]
        stored = data if isinstance(data, str) else json.dumps(data)
        return await self._world.publish(
            key, stored, metadata=metadata, scope=self._scope, revision=revision
        )

    async def ask(self, **said: object) -> Any:
        """Return the answer to a query."""
        async with self.http.post(f"{self.path}/query", json=said) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return what a path of the project answers."""
        async with self.http.get(self.path + path, headers=headers) as answer:
            return answer, await answer.read()


@pytest.fixture
async def project(gateway: GatewayProcess, engine: EngineProcess) -> AsyncIterator[Project]:
    """A project of the test's own."""
    embedder = DeterministicEmbedder(recipe=RECIPE)
    index = QdrantIndex(
        "http://127.0.0.1",
        engine.port,
        fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
    )
    await index.prepare()
    async with aiohttp.ClientSession(gateway.url) as http:
        yield Project(http, World(index, embedder), f"p-{uuid4().hex}")
    await index.close()


def keys(answer: Any) -> list[str]:
    return [match["data_key"] for match in answer["matches"]]


async def test_a_query_is_answered_with_values_as_updates_have_them(project: Project) -> None:
    revision = await project.publish("tech/stack", {"database": "PostgreSQL"}, team="sre")
    await project.publish("menu", "soup and bread")

    answer = await project.ask(query="which database")

    (match,) = answer["matches"]
    score = match["scores"]["dense"] + 0.1 * match["scores"]["lexical"]
    assert match.pop("score") == match.pop("similarity") >= score - 1e-6
    assert match.pop("tokens") > 0
    assert match.pop("published_at").endswith("Z")
    assert match.pop("scores").keys() == {"dense", "lexical"}
    assert match == {
        "data_key": "tech/stack",
        "revision": revision,
        "data": {"database": "PostgreSQL"},
        "content_type": "application/json",
        "metadata": {"team": "sre"},
        "reference": None,
    }
    assert (answer["query"], answer["total_matches"], answer["omitted_total"]) == (
        "which database",
        1,
        0,
    )
    assert answer["took_ms"] > 0


async def test_what_a_query_may_say_is_heeded(project: Project) -> None:
    await project.publish("a", "coffee grinder manual", team="web")
    await project.publish("b", "coffee grinder manual, deprecated", team="web")
    await project.publish("c", "coffee grinder", team="sre")
    asked = "coffee grinder manual"

    assert keys(await project.ask(query=asked)) == ["a", "b", "c"]
    top = await project.ask(query=asked, top_k=1)
    assert (keys(top), top["total_matches"], top["omitted_total"]) == (["a"], 3, 2)
    assert keys(await project.ask(query=asked, filters={"team": "sre"})) == ["c"]
    assert keys(await project.ask(query={"text": asked, "filters": {"team": ["sre", "x"]}})) == [
        "c"
    ]
    both = {"text": asked, "filters": {"team": ["sre", "web"]}}
    assert keys(await project.ask(query=both, filters={"team": "sre"})) == ["c"]
    without = {"text": asked, "exclusions": [{"text": "deprecated", "threshold": 0.3}]}
    assert keys(await project.ask(query=without)) == ["a", "c"]
    assert keys(await project.ask(query=asked, threshold=0.95)) == ["a"]
    assert keys(await project.ask(query={"text": asked, "threshold": 0.95}, threshold=0.1)) == ["a"]
    assert keys(await project.ask(query="manual", mode="lexical")) == ["a", "b"]
    assert keys(await project.ask(query=asked, published_before="2020-01-01T00:00:00Z")) == []
    assert (
        len(keys(await project.ask(query=asked, published_after="2020-01-01T00:00:00+02:00"))) == 3
    )
    assert keys(await project.ask(query=asked, max_tokens=4)) == ["a"]
    bare = await project.ask(query=asked, top_k=1, include_data=False)
    assert (bare["matches"][0]["data"], bare["matches"][0]["reference"]) == (None, None)


async def test_several_queries_are_answered_in_order(project: Project) -> None:
    await project.publish("a", "coffee grinder")
    await project.publish("b", "refund of an order")
    answer = await project.ask(queries=["refund", {"text": "coffee grinder"}, "nothing like it"])
    assert [keys(one) for one in answer["results"]] == [["b"], ["a"], []]
    assert [one["query"] for one in answer["results"]] == [
        "refund",
        "coffee grinder",
        "nothing like it",
    ]


async def test_a_large_value_goes_by_a_reference_that_answers_it(project: Project) -> None:
    data = "coffee grinder" + " " * INLINE_BYTES_MAX
    await project.publish("notes/a b", data)
    (match,) = (await project.ask(query="coffee grinder"))["matches"]
    assert match["data"] is None
    async with project.http.get(match["reference"]) as answer:
        assert await answer.read() == data.encode()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "body"),
        ({"query": "a", "queries": ["b"]}, "body"),
        ({"query": ""}, "query.text"),
        ({"query": "a", "top_k": 51}, "top_k"),
        ({"query": "a", "threshold": 1.5}, "threshold"),
        ({"query": "a", "mode": "fuzzy"}, "mode"),
        ({"query": "a", "weights": {"dense": 0, "lexical": 0}}, "weights"),
        ({"query": "a", "mode": "dense", "weights": {"dense": 1}}, "body"),
        ({"query": "a", "published_after": 12}, "published_after"),
        ({"query": "a", "published_after": "2026-11-21T09:00:00"}, "published_after"),
        ({"query": "a", "filters": {"team": []}}, "filters.team"),
        ({"queries": ["a"] * 21}, "queries"),
        ({"query": "a", "response_format": "toon"}, "response_format"),
    ],
)
async def test_a_wrong_query_is_named(project: Project, said: object, field: str) -> None:
    async with project.http.post("/api/v1/projects/p/query", json=said) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (422, "invalid-request")
    assert field in [error["field"] for error in problem["errors"]], problem["errors"]


@pytest.mark.promise(6)
async def test_nobody_finds_lists_or_reads_another_projects_values(project: Project) -> None:
    await project.publish("secret", "coffee grinder")
    other = "/api/v1/projects/another-project"
    async with project.http.post(f"{other}/query", json={"query": "coffee grinder"}) as answer:
        assert (await answer.json())["matches"] == []
    async with project.http.get(f"{other}/data") as answer:
        assert await answer.json() == {"values": [], "count": 0, "next_cursor": None}
    async with project.http.get(f"{other}/data/secret") as answer:
        assert answer.status == 404


async def test_values_are_listed_in_pages_and_all_at_once(project: Project) -> None:
    names = [f"team/{number:02}" for number in range(12)]
    for name in [*names, "other"]:
        await project.publish(name, f"about {name}", n=name)
    listed: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(10):
        answer, body = await project.get(f"/data?limit=5{cursor}")
        page = json.loads(body)
        assert page["count"] == len(page["values"]) <= 5
        listed += page["values"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(one["data_key"] for one in listed) == ["other", *names]
    assert {one["metadata"]["n"] for one in listed} == {"other", *names}
    assert all(one["size_bytes"] == len(f"about {one['data_key']}") for one in listed)
    _, body = await project.get("/data?prefix=team/")
    assert [one["data_key"] for one in json.loads(body)["values"]] == names
    answer, body = await project.get("/data", Accept="application/x-ndjson")
    lines = [json.loads(line) for line in body.splitlines()]
    assert answer.content_type == "application/x-ndjson"
    assert sorted(lines, key=lambda one: one["data_key"]) == sorted(
        listed, key=lambda one: one["data_key"]
    )


@pytest.mark.parametrize(
    ("query", "accept", "field"),
    [
        ("limit=0", "*/*", "limit"),
        ("limit=1001", "*/*", "limit"),
        ("cursor=nonsense", "*/*", "cursor"),
        ("cursor=%E2%82%AC", "*/*", "cursor"),
        ("cursor=nonsense", "application/x-ndjson", "cursor"),
        ("limit=5", "application/x-ndjson", "limit"),
        ("offset=5", "*/*", "offset"),
    ],
)
async def test_a_wrong_page_is_named(project: Project, query: str, accept: str, field: str) -> None:
    answer, body = await project.get(f"/data?{query}", Accept=accept)
    assert answer.status == 422, body
    assert [error["field"] for error in json.loads(body)["errors"]] == [field]


async def test_the_newest_version_is_read_and_known_by_its_revision(project: Project) -> None:
    first = await project.publish("notes/a b", "one")
    second = await project.publish("notes/a b", "two")
    path = f"/data/{quote('notes/a b')}"

    answer, body = await project.get(path)

    assert (answer.status, body, answer.headers["ETag"]) == (200, b"two", f'"{second}"')
    assert "no-cache" in answer.headers["Cache-Control"]
    again, _ = await project.get(path, **{"If-None-Match": f'"{second}"'})
    assert again.status == 304
    older, body = await project.get(f"{path}?revision={first}")
    assert (older.status, body) == (200, b"one")
    assert "immutable" in older.headers["Cache-Control"]
    absent, _ = await project.get("/data/absent")
    assert absent.status == 404


async def test_without_an_index_only_questions_are_refused(
    project: Project, engine: EngineProcess
) -> None:
    """Last in the file: the engine goes and comes back on its port."""
    await project.publish("a", "coffee grinder")
    engine.kill()
    try:
        refused = [
            await project.get("/data"),
            await project.get("/data", Accept="application/x-ndjson"),
            await project.get("/data/a"),
        ]
        async with project.http.post(f"{project.path}/query", json={"query": "a"}) as answer:
            refused.append((answer, await answer.read()))
        said = {"project_id": project.name, "data_key": "b", "data": 1}
        async with project.http.post("/api/v1/data/publish", json=said) as accepted:
            assert accepted.status == 202
        async with project.http.get("/health/ready") as ready:
            assert ready.status == 200
    finally:
        engine.start()
    for answer, body in refused:
        assert (answer.status, json.loads(body)["code"]) == (503, "unavailable")
        assert "index" in json.loads(body)["detail"]
        assert "Retry-After" in answer.headers
    deadline = asyncio.get_running_loop().time() + LOAD_DEADLINE_S
    while (await project.get("/data/a"))[0].status != 200:
        assert asyncio.get_running_loop().time() < deadline, "the gateway did not find its index"
        await asyncio.sleep(0.05)
    assert keys(await project.ask(query="coffee grinder")) == ["a"]
