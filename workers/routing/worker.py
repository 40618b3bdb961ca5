"""Wires the routing worker and runs it until it is told to stop.

Order of start: model, index, producer, then the consumer group, so that no partition is taken
before it can be served. The group's name carries the index's id: an index that was lost comes back
empty with another id, and the new group replays the whole log into it.
"""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

from contex.embedding.batcher import Batcher
from contex.embedding.factory import open_embedder
from contex.errors import DependencyAway
from contex.index.port import Index
from contex.index.qdrant import QdrantIndex
from contex.log.lag import GroupLag
from contex.log.producer import Producer
from contex.log.registry import schema_source
from contex.records.codec import Codec
from contex.routing.dead_letter_limit import DeadLetterLimit
from contex.routing.meaning import TextMeaning
from contex.routing.ports import Ports
from contex.settings import Settings
from contex.telemetry.health import HealthServer
from contex.telemetry.logs import configure, get_logger
from topology.catalogue import PUBLICATIONS, REGISTRATIONS
from topology.stages import routing_group
from workers.exits import EXIT_DEPENDENCY_AWAY, exit_hard
from workers.routing.agents import build_app
from workers.routing.outbox import KafkaOutbox
from workers.routing.processor import Processor
from workers.watchdog import Progress, Watchdog

START_WAIT_S_MAX = 600.0
START_RETRY_S = 1.0
STOP_S_MAX = 45.0
TURN_EVERY_S = 1.0
LAG_EVERY_TURNS = 10

_log = get_logger(__name__)


async def _prepared(index: Index) -> str:
    """Wait for the index, outside the group, and return its id."""
    deadline = asyncio.get_running_loop().time() + START_WAIT_S_MAX
    while True:
        try:
            return await index.prepare()
        except DependencyAway as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            _log.warning("waiting for the index", error=str(error))
        await asyncio.sleep(START_RETRY_S)


async def _watch(app: Any, lag: GroupLag, progress: Progress) -> None:  # noqa: ANN401 - faust is untyped
    """Turn with the event loop, and look now and then how far our own partitions are behind."""
    turns = 0
    while True:
        progress.turn()
        turns += 1
        if turns % LAG_EVERY_TURNS == 0:
            mine = {(tp.topic, tp.partition) for tp in app.assignor.assigned_actives()}
            try:
                progress.see_lag(await asyncio.to_thread(lag.records, mine))
            except DependencyAway:
                progress.see_lag(0)
        await asyncio.sleep(TURN_EVERY_S)


def _ready(app: Any) -> Mapping[str, bool]:  # noqa: ANN401 - faust is untyped
    return {"started": bool(app.started), "assigned": bool(app.assignor.assigned_actives())}


async def _serve(settings: Settings) -> None:
    embedder = open_embedder(settings)
    batcher = Batcher(embedder)
    key = settings.qdrant_api_key
    index = QdrantIndex(
        settings.qdrant_url,
        settings.qdrant_grpc_port,
        fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        api_key=key.get_secret_value() if key else None,
    )
    index_id = await _prepared(index)
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    producer = Producer(settings.kafka_bootstrap_servers)
    await producer.start()

    ports = Ports(index, TextMeaning(embedder, batcher), KafkaOutbox(producer, codec))
    processor = Processor(codec, ports, producer, DeadLetterLimit())
    progress = Progress()
    group = routing_group(index_id)
    app = build_app(group, settings.kafka_bootstrap_servers, processor, progress)
    watchdog = Watchdog(progress)
    lag = GroupLag(settings.kafka_bootstrap_servers, group, [PUBLICATIONS.name, REGISTRATIONS.name])

    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    health = HealthServer(
        settings.health_port or 0, live=lambda: {"loop": True}, ready=lambda: _ready(app)
    )
    await health.start()
    await app.start()
    watchdog.start()
    watching = asyncio.create_task(_watch(app, lag, progress))
    _log.info("routing", group=group, embedder=embedder.fingerprint)

    await _until_stopped_or_crashed(app, stop)
    watching.cancel()
    await asyncio.wait_for(app.stop(), STOP_S_MAX)
    watchdog.stop()
    await health.stop()
    await batcher.close()
    await producer.stop()
    await index.close()


async def _until_stopped_or_crashed(app: Any, stop: asyncio.Event) -> None:  # noqa: ANN401 - faust is untyped
    while not stop.is_set():
        if app.crashed or app.should_stop:
            exit_hard(EXIT_DEPENDENCY_AWAY, f"faust stopped by itself: {app.crash_reason!r}")
        try:
            await asyncio.wait_for(stop.wait(), TURN_EVERY_S)
        except TimeoutError:
            continue


def main() -> None:
    """Run the worker; the exit status says why it ended."""
    settings = Settings()
    configure(settings, "routing")
    try:
        asyncio.run(_serve(settings))
    except DependencyAway as error:
        exit_hard(EXIT_DEPENDENCY_AWAY, str(error))
    except TimeoutError:
        exit_hard(EXIT_DEPENDENCY_AWAY, f"the worker did not stop within {STOP_S_MAX:.0f} s")
