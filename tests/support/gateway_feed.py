"""Both ends of an agent's feed: updates written as routing would, and a reader of event streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from contex.log.producer import Producer
from contex.records.codec import Codec
from contex.records.message import Receipt
from contex.records.names import AgentKey, Scope
from contex.records.schema_source import PinnedSchemas
from contex.records.update import Cause, Item, Update, UpdateKind, update_id

UPDATES = "contex.updates"
EVENT_TIMEOUT_S = 60


def agent_key(tenant: str, project: str, agent_id: str) -> AgentKey:
    return AgentKey(Scope(tenant, project), agent_id)


def update(
    agent: AgentKey,
    epoch: int,
    revision: int,
    *,
    kind: UpdateKind = UpdateKind.MATCHED,
    content: bytes | None = b'{"a":1}',
) -> Update:
    cause = Cause("contex.publications", 0, revision)
    return Update(
        update_id=update_id(cause, agent),
        kind=kind,
        agent=agent,
        epoch=epoch,
        cause=cause,
        caused_at_ms=1_700_000_000_000,
        items=(Item(f"key-{revision}", revision, content=content),),
    )


class FeedWriter:
    """Writes updates to the topic, acknowledged."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._codec = Codec(PinnedSchemas())

    @classmethod
    @asynccontextmanager
    async def connected(cls, bootstrap: str) -> AsyncIterator[Self]:
        producer = Producer(bootstrap)
        await producer.start()
        try:
            yield cls(producer)
        finally:
            await producer.stop()

    async def write(self, *updates: Update) -> list[Receipt]:
        messages = [self._codec.encode(one) for one in updates]
        return await self._producer.send_all(UPDATES, messages)

    async def write_bytes(self, agent: AgentKey, value: bytes) -> None:
        from contex.records.message import Message

        await self._producer.send(UPDATES, Message(str(agent).encode(), value))


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    name: str
    cursor: str
    data: Any

    @property
    def revision(self) -> int:
        return int(self.data["data"]["items"][0]["revision"])


class EventStream:
    """Reads server-sent events as a browser does; `last_event_id` moves even without an event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_event_id = ""
        self.comments: list[str] = []

    async def next(self) -> Event | None:
        """Return the next event, or None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while True:
                raw = await self.answer.content.readline()
                if not raw:
                    return None
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments.append(line[1:].strip())
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                else:
                    self.last_event_id = fields.pop("id", self.last_event_id)
                    if "data" in fields:
                        return Event(
                            fields["event"], self.last_event_id, json.loads(fields["data"])
                        )

    async def take(self, count: int) -> list[Event]:
        """Return so many events."""
        events = [await self.next() for _ in range(count)]
        found = [event for event in events if event is not None]
        assert len(found) == count, f"expected {count} events, the stream ended after {len(found)}"
        return found


@asynccontextmanager
async def following(
    url: str, agent: AgentKey, *, cursor: str | None = None, last_event_id: str | None = None
) -> AsyncIterator[EventStream]:
    """Connect to an agent's stream."""
    params = {"project_id": agent.scope.project}
    if cursor is not None:
        params["cursor"] = cursor
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    async with (
        aiohttp.ClientSession(read_bufsize=2**20) as session,
        session.get(
            f"{url}/api/v1/agents/{agent.agent_id}/updates",
            params=params,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield EventStream(answer)


async def register(url: str, agent: AgentKey, needs: Iterable[str] = ("anything",)) -> Any:
    """Register an agent and return what the gateway said."""
    request = {
        "agent_id": agent.agent_id,
        "project_id": agent.scope.project,
        "data_needs": list(needs),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/v1/agents/register", json=request) as answer,
    ):
        said = await answer.json()
        assert answer.status == 202, said
    return said
