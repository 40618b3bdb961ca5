"""The whole gateway in one process: real HTTP and handlers over the twins of the log and the index.

Nothing routes by itself: `route` does what the routing worker would do with what was published.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from memory_log import CODEC, MemoryKnowledge, MemoryLog, services
from query_world import World
from yarl import URL

from contex.log.partitioner import partition_for
from contex.query.ports import QueryPorts
from contex.records.names import Scope, ValueKey
from contex.records.publication import Publication
from gateway.identity import IdentityResolver, StaticIdentity
from gateway.server import application
from gateway.updates.hub import Hub
from gateway.waiting.outcomes import Outcomes
from gateway.waiting.room import WaitingRoom
from gateway.writes.memory import Memory
from topology.catalogue import PARTITIONS, PUBLICATIONS

API = "/api/v1"
WRITTEN_TIMEOUT_S = 10.0
JSON = Mapping[str, Any]


class Known(MemoryKnowledge):
    """The index that `route` fills; `ports` may be told to fail."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.failures: list[Exception | None] = []

    async def ports(self) -> QueryPorts:
        """Return what queries are answered from, unless a failure is next."""
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return self.world.ports


class FakeHouse:
    """The parts of a gateway, around a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.world = World()
        self.known = Known(self.world)
        self.services = services(log, knowledge=self.known)
        self.hub = Hub(PARTITIONS)
        for partition in range(PARTITIONS):
            self.hub.advance(partition, 0)
        self.memory = Memory(time.monotonic)
        self.batches = asyncio.Semaphore(1)
        self.catch_ups = asyncio.Semaphore(1)
        self.outcomes = Outcomes(self.world.index)
        self.waiting = WaitingRoom(self.services, self.outcomes, self.hub, self.catch_ups)
        self.started = True
        self.health = {"started": True}

    async def checks(self) -> Mapping[str, bool]:
        """Return what a test says."""
        return self.health


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [one["field"] for one in self.json["errors"]]


@dataclass(frozen=True)
class Gateway:
    """A gateway that answers HTTP, and what is behind it."""

    http: TestClient[web.Request, web.Application]
    house: FakeHouse

    @property
    def log(self) -> MemoryLog:
        return self.house.log

    async def ask(
        self, method: str, path: str, said: object = None, *, body: bytes | None = None, **more: str
    ) -> Answer:
        """Send JSON, or bytes as they are; `more` are headers, with _ for -."""
        headers = {"Accept-Encoding": "identity"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        if said is not None:
            body = json.dumps(said).encode()
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        url = URL(f"http://{self.http.host}:{self.http.port}{path}", encoded=True)  # as it is
        data = None if body is None else BytesIO(body)
        async with self.http.session.request(method, url, data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **more: str) -> Answer:
        return await self.ask("GET", API + path, None, body=None, **more)

    async def publish(self, data_key: str, data: object, project: str = "p", **more: str) -> Answer:
        said = {"project_id": project, "data_key": data_key, "data": data}
        return await self.ask("POST", f"{API}/data/publish", said, body=None, **more)

    async def register(self, agent_id: str, project: str = "p", **more: Any) -> Answer:
        said = {"agent_id": agent_id, "project_id": project, "data_needs": ["anything"], **more}
        return await self.ask("POST", f"{API}/agents/register", said)

    async def route(self, data_key: str, revision: int, project: str = "p") -> None:
        """Do with one published version what the routing worker does."""
        key = ValueKey(Scope("t", project), data_key)
        partition = partition_for(str(key).encode(), PARTITIONS)
        record = CODEC.publication(self.log.partitions[PUBLICATIONS.name, partition][revision])
        assert isinstance(record, Publication)
        await self.house.world.publish(
            data_key,
            record.value.content,
            scope=key.scope,
            revision=revision,
            metadata=record.value.metadata,
        )

    async def publish_routed(self, data_key: str, data: object, project: str = "p") -> int:
        """Publish, route, and return the revision."""
        accepted = await self.publish(data_key, data, project)
        assert accepted.status == 202, accepted.body
        revision: int = accepted.json["revision"]
        await self.route(data_key, revision, project)
        return revision

    def written(self, topic: str = PUBLICATIONS.name) -> int:
        """Return how many records a topic has."""
        return sum(len(some) for (name, _), some in self.log.partitions.items() if name == topic)

    async def until_written(self, topic: str = PUBLICATIONS.name) -> None:
        """Wait until a topic has a record."""
        deadline_s = time.monotonic() + WRITTEN_TIMEOUT_S
        while not self.written(topic):
            assert time.monotonic() < deadline_s, f"expected a record in {topic}, got none"
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(
    resolver: IdentityResolver | None = None, *, log: MemoryLog | None = None
) -> AsyncIterator[Gateway]:
    """Serve a gateway on a free port of this machine."""
    house = FakeHouse(log or MemoryLog())
    app = application(house, resolver or StaticIdentity("t"))  # type: ignore[arg-type] # its parts
    server = TestServer(app)
    try:
        async with TestClient(
            server, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as http:
            yield Gateway(http, house)
    finally:
        await house.outcomes.stop()
