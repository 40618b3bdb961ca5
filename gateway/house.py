"""What one gateway process keeps open: the producer, the reader, the view, the tail and the hub.

Decides the order in which they start and stop, and whether the process may be given work.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from uuid import uuid4

from contex.errors import DependencyAway
from contex.log.failures import LogMisuse
from contex.log.producer import Producer
from contex.log.reader import Reader
from contex.log.registrations import RegistrationsView
from contex.log.registry import schema_source
from contex.log.tail import Batch, Tail
from contex.records.codec import Codec
from contex.records.names import AgentKey, Scope
from contex.records.registration import Registration, StreamDelivery
from contex.settings import Settings
from contex.telemetry.logs import get_logger
from contex.webhooks.secrets import SecretBox
from gateway import limits
from gateway.knowledge import Knowledge
from gateway.schemas import LateSchemas
from gateway.services import Services
from gateway.updates.hub import Hub
from gateway.waiting.outcomes import Outcomes
from gateway.waiting.room import WaitingRoom
from gateway.writes.memory import Memory
from topology.catalogue import REGISTRATIONS, UPDATES

_log = get_logger(__name__)


class House:
    """The parts of a gateway, wired.

    Raises:
        SecretKeysUnusable: if CONTEX_SECRET_KEYS is malformed.
    """

    def __init__(self, settings: Settings) -> None:
        bootstrap = settings.kafka_bootstrap_servers
        keys = settings.secret_keys
        self._schemas = LateSchemas(partial(schema_source, settings))
        self._codec = Codec(self._schemas)
        self._producer = Producer(bootstrap)
        self._reader = Reader(bootstrap)
        self._view = RegistrationsView(bootstrap, REGISTRATIONS.name, self._codec.registration)
        self._tail = Tail(bootstrap, UPDATES.name, self._take)
        self._knowledge = Knowledge(settings)
        self._sweeper: asyncio.Task[None] | None = None
        self._kafka_checked_at = 0.0
        self._kafka_answers = False
        self.hub = Hub(UPDATES.partitions)
        self.catch_ups = asyncio.Semaphore(limits.CATCH_UPS_IN_FLIGHT_MAX)
        self.batches = asyncio.Semaphore(limits.BATCHES_IN_FLIGHT_MAX)
        self.memory = Memory(time.monotonic)
        self.started = False
        self.services = Services(
            sender=self._producer,
            reader=self._reader,
            agents=self._view,
            knowledge=self._knowledge,
            codec=self._codec,
            secrets=SecretBox(None if keys is None else keys.get_secret_value()),
            webhook_allow=settings.webhook_allow,
            clock_ms=lambda: time.time_ns() // 1_000_000,
            new_id=lambda: str(uuid4()),
        )
        self._outcomes = Outcomes(self._knowledge)
        self.waiting = WaitingRoom(self.services, self._outcomes, self.hub, self.catch_ups)

    async def start(self) -> None:
        """Connect everything; return once requests can be served.

        Raises:
            DependencyAway: Kafka or the registry did not answer in time.
            LogMisuse: the topics were not applied, or the registry refuses a schema.
        """
        await asyncio.to_thread(self._warm_codec)
        await self._producer.start()
        ends = await self._reader.end_offsets(UPDATES.name, timeout_s=limits.KAFKA_START_TIMEOUT_S)
        if len(ends) != UPDATES.partitions:
            raise RuntimeError(
                f"{UPDATES.name} has {len(ends)} partitions, expected {UPDATES.partitions}"
            )
        for partition, end in ends.items():
            self.hub.advance(partition, end)
        self._tail.start(ends)
        await self._view.start()
        while not await self._view.wait_caught_up(timeout_s=limits.VIEW_START_TIMEOUT_S):
            _log.info("gateway.catching_up", view=REGISTRATIONS.name)
        self._sweeper = asyncio.create_task(self._sweep(), name="sweep streams")
        self.started = True
        self._knowledge.start()

    async def failed(self) -> None:
        """Wait until a part ends by itself, and raise why.

        Raises:
            Exception: the process must exit and start anew.
        """
        assert self._sweeper is not None, "a house is watched once it has started"
        parts = [
            asyncio.create_task(self._tail.ended()),
            asyncio.create_task(self._view.ended()),
            asyncio.shield(self._sweeper),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()

    async def stop(self) -> None:
        """Flush what was accepted and disconnect."""
        self.started = False
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._outcomes.stop()
        await self._knowledge.stop()
        await asyncio.gather(
            self._producer.stop(), self._tail.stop(), self._view.stop(), self._reader.stop()
        )

    async def checks(self) -> Mapping[str, bool]:
        """Return what readiness asks for, by name."""
        return {
            "started": self.started,
            "kafka": await self._kafka(),
            "registrations": self._view.caught_up,
            "producer": self.started and self._producer.fatal_error is None,
        }

    async def _kafka(self) -> bool:
        """Ask the log something small, at most once in a while however many probes come."""
        now = time.monotonic()
        if now - self._kafka_checked_at >= limits.HEALTH_INTERVAL_S:
            self._kafka_checked_at = now
            self._kafka_answers = False
            with suppress(DependencyAway, LogMisuse):
                await self._reader.bounds(UPDATES.name, 0, timeout_s=limits.HEALTH_TIMEOUT_S)
                self._kafka_answers = True
        return self._kafka_answers

    async def _take(self, batch: Batch) -> None:
        for received in batch.records:
            self.hub.dispatch(received)
        for partition, position in batch.positions.items():
            self.hub.advance(partition, position)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(limits.STREAM_SWEEP_INTERVAL_S)
            self.hub.sweep()
            if self._producer.fatal_error is not None:
                raise DependencyAway(f"the producer is dead: {self._producer.fatal_error}")

    def _warm_codec(self) -> None:
        """Fetch the schema ids now, so that no request waits for a registry."""
        self._schemas.connect()
        key = AgentKey(Scope("warm", "up"), "codec")
        self._codec.encode(Registration(key, (), StreamDelivery(), "warm-up", 0))
