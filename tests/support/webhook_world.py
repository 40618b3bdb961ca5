"""A broker with the product's topics, webhook workers as real processes, and eyes on the topics."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from webhook_receiver import SECRET

from contex.log.consumption import received
from contex.log.producer import Producer
from contex.records.attempt import Attempt
from contex.records.codec import Codec
from contex.records.message import Message, Received
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery, WebhookDelivery
from contex.records.schema_source import PinnedSchemas
from contex.records.update import Cause, Item, MatchedNeed, Update, UpdateKind, update_id
from contex.webhooks.secrets import SecretBox, generate_key
from topology.catalogue import ATTEMPTS, PUBLICATIONS, REGISTRATIONS, UPDATES, WEBHOOKS_DEAD_LETTER

CODEC = Codec(PinnedSchemas())
KEYS = generate_key()
EXIT_TIMEOUT_S = 90
READ_TIMEOUT_S = 60
_offsets = count(1)


def agent(name: str = "agent") -> AgentKey:
    """Return an agent of a project that nobody else has."""
    return AgentKey(Scope("tests", uuid.uuid4().hex), name)


class World:
    """The log as a test sees it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.producer = Producer(bootstrap)

    async def register(self, key: AgentKey, url: str | None, keys: str = KEYS) -> int:
        """Register an agent, for a stream if it has no URL; return its epoch."""
        delivery = (
            StreamDelivery() if url is None else WebhookDelivery(url, SecretBox(keys).seal(SECRET))
        )
        record = Registration(key, (Need("prices"),), delivery, uuid.uuid4().hex, 0)
        return (await self.producer.send(REGISTRATIONS.name, CODEC.encode(record))).offset

    async def tell(self, key: AgentKey, epoch: int, times: int = 1) -> list[str]:
        """Produce updates to an agent; return their ids, in order."""
        updates = [_update(key, epoch) for _ in range(times)]
        await self.producer.send_all(UPDATES.name, [CODEC.encode(update) for update in updates])
        return [str(update.update_id) for update in updates]

    async def send(self, topic: str, message: Message) -> None:
        """Produce anything."""
        await self.producer.send(topic, message)

    async def attempts(self, key: AgentKey) -> list[Attempt]:
        """Return every attempt to deliver to an agent."""
        found = await asyncio.to_thread(self._read, ATTEMPTS.name)
        return [CODEC.attempt(one) for one in found if one.key == str(key).encode()]

    async def dead_letters(self, key: AgentKey) -> list[Received]:
        """Return an agent's dead letters."""
        found = await asyncio.to_thread(self._read, WEBHOOKS_DEAD_LETTER.name)
        return [one for one in found if one.key == str(key).encode()]

    def _read(self, topic: str) -> list[Received]:
        """Return everything that a topic holds now, in the order of its timestamps."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "eyes"})
        try:
            partitions = (
                consumer.list_topics(topic, timeout=READ_TIMEOUT_S).topics[topic].partitions
            )
            ends = {
                number: consumer.get_watermark_offsets(
                    TopicPartition(topic, number), timeout=READ_TIMEOUT_S
                )[1]
                for number in partitions
            }
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            found: list[Received] = []
            expected = sum(ends.values())
            deadline = time.monotonic() + READ_TIMEOUT_S
            while len(found) < expected:
                got = f"{len(found)} of {expected} records of {topic}"
                assert time.monotonic() < deadline, f"got {got} in {READ_TIMEOUT_S} s"
                found += [received(one) for one in consumer.consume(500, 0.2) if not one.error()]
        finally:
            consumer.close()
        return sorted(found, key=lambda one: one.timestamp_ms)

    @asynccontextmanager
    async def worker(self, **environment: str) -> AsyncIterator["Worker"]:
        """Run a webhook worker; it is killed if it has not been stopped."""
        worker = Worker(
            self.folder / f"{uuid.uuid4().hex}.log",
            {
                "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                "CONTEX_SECRET_KEYS": KEYS,
                "CONTEX_WEBHOOK_ALLOW": "127.0.0.0/8",
                **environment,
            },
        )
        try:
            yield worker
        finally:
            await asyncio.to_thread(worker.end)


class Worker:
    """One process of `python -m workers.webhooks`."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.webhooks"],
                env={**os.environ, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def words(self) -> str:
        """What it logged."""
        return self._log.read_text()

    def kill(self) -> None:
        """Kill it without a warning."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(EXIT_TIMEOUT_S)

    async def stop(self) -> int:
        """Ask it to stop; return its status."""
        self._process.terminate()
        return await self.wait()

    async def wait(self) -> int:
        """Wait until it has ended, while the endpoint goes on answering; return its status."""
        return await asyncio.to_thread(self._process.wait, EXIT_TIMEOUT_S)

    def end(self) -> None:
        """Stop it if it runs, and let nothing survive."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()


async def until(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Wait for a condition; fail saying what was waited for."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"expected within {deadline_s} s: {what}"
        await asyncio.sleep(0.02)


def _update(key: AgentKey, epoch: int) -> Update:
    cause = Cause(PUBLICATIONS.name, 0, next(_offsets))
    need = MatchedNeed("prices", 0.71, 0.34)
    item = Item("prices", cause.offset, (need,), b'{"price": 7}', "application/json", tokens=4)
    return Update(
        update_id=update_id(cause, key),
        kind=UpdateKind.MATCHED,
        agent=key,
        epoch=epoch,
        cause=cause,
        caused_at_ms=int(time.time() * 1000),
        items=(item,),
    )
