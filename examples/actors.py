"""The agents of the example: one told by webhook, one reading its Kafka feed, the others by SSE.

Each is what an agent's author would write. All of them run in one event loop and note what they are
told, when.
"""

import asyncio
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Self

import aiohttp
from aiohttp import web
from confluent_kafka import Consumer

from contex.records import AgentKey, Scope
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.rendering import update_json
from contex.records.schema_source import PinnedSchemas
from contex.webhooks.signing import signed_headers

Note = Callable[[str, str, dict[str, Any]], None]
"""Takes the channel, the update's type and its data."""

POLL_S = 0.2


class WebhookReceiver:
    """A bundled receiver: verifies the signature of every delivery, then notes it."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._secrets: dict[str, str] = {}
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/hooks/{agent}", self._receive)
        self._runner = web.AppRunner(app)
        self.url = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def trust(self, agent: str, secret: str) -> None:
        """Keep the secret that the registration answered."""
        self._secrets[agent] = secret

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        secret = self._secrets.get(request.match_info["agent"])
        if secret is None or not _is_signed(request, body, secret):
            return web.Response(status=401)
        payload = json.loads(body)
        self._note("webhook", payload["type"], payload["data"])
        return web.Response(status=204)


def _is_signed(request: web.Request, body: bytes, secret: str) -> bool:
    update_id = uuid.UUID(request.headers["webhook-id"])
    timestamp_s = int(request.headers["webhook-timestamp"])
    expected = signed_headers(update_id, timestamp_s, body, secret)["webhook-signature"]
    return hmac.compare_digest(expected, request.headers["webhook-signature"])


async def listen(session: aiohttp.ClientSession, url: str, cursor: str, note: Note) -> None:
    """Read an agent's server-sent events from `cursor` until cancelled."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(url, headers={"Last-Event-ID": cursor}, timeout=timeout) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if line.startswith(b"data: "):
                payload = json.loads(line.removeprefix(b"data: "))
                note("sse", payload["type"], payload["data"])


class KafkaFeed:
    """Reads an agent's own partition of `contex.updates` with an ordinary Kafka consumer."""

    def __init__(self, bootstrap: str, agent: AgentKey, note: Note) -> None:
        self._agent = agent
        self._note = note
        self._codec = Codec(PinnedSchemas())
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"agent-{agent.agent_id}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": True,
            }
        )
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._consumer.subscribe(["contex.updates"])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        key = str(self._agent).encode()
        while not self._stopped.is_set():
            message = self._consumer.poll(POLL_S)
            if message is None or message.error() or message.key() != key:
                continue
            received = Received(
                message.topic(),
                message.partition(),
                message.offset(),
                message.timestamp()[1],
                message.key(),
                message.value(),
                tuple(message.headers() or ()),
            )
            payload = update_json(self._codec.update(received))
            self._loop.call_soon_threadsafe(self._note, "kafka", payload["type"], payload["data"])


def agent_key(tenant: str, project: str, name: str) -> AgentKey:
    """Return the key under which an agent's updates stand in the topic."""
    return AgentKey(Scope(tenant, project), name)


def now_ms() -> float:
    """Return this machine's time in milliseconds."""
    return time.time() * 1000
