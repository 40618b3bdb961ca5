"""Wires the routing worker and runs it until it is told to stop.

Order of start: model, index, producer, then the consumer group, so that no partition is taken
before it can be served. The group's name carries the index's id: an index that was lost comes back
empty with another id, and the new group replays the whole log into it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from contex.embedding.batcher import Batcher
from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.errors import CallerError, DependencyAway
from contex.index.qdrant import QdrantIndex
from contex.log.lag import GroupLag
from contex.log.producer import Producer
from contex.log.registry import schema_source
from contex.records.codec import Codec
from contex.routing.dead_letter_limit import DeadLetterLimit
from contex.routing.meaning import TextMeaning
from contex.routing.ports import Ports
from contex.settings import Settings, load_settings
from contex.telemetry.health import HealthServer
from contex.telemetry.logs import configure, get_logger
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, TOPICS
from topology.stages import routing_group
from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS, exit_hard
from workers.routing.agents import build_app
from workers.routing.lookout import Lookout
from workers.routing.outbox import KafkaOutbox
from workers.routing.processor import Processor
from workers.watchdog import Progress, Watchdog

START_WAIT_S_MAX = 600.0
START_RETRY_S = 1.0
JOIN_S_MAX = 120.0
STOP_S_MAX = 45.0
CRASH_LOOK_S = 0.5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a worker is made of, opened in the order of the fields."""

    batcher: Batcher
    index: QdrantIndex
    producer: Producer
    app: Any
    lookout: Lookout
    watchdog: Watchdog
    group: str


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    opening = asyncio.ensure_future(_open(settings))
    if not await _before(stop, opening):
        exit_hard(0, "stopped before anything was taken")
    parts = opening.result()
    health = _health(settings, parts)
    if health is not None:
        await health.start()
    # From here on a hang is seen, the joining of the group included.
    parts.watchdog.start()
    parts.lookout.start()
    joining = asyncio.ensure_future(asyncio.wait_for(parts.app.start(), JOIN_S_MAX))
    if await _before(stop, joining):
        joining.result()
        _log.info("routing", group=parts.group)
        await _until_stopped_or_crashed(parts, stop)
    await _close(parts, health)


async def _open(settings: Settings) -> _Parts:
    embedder = await asyncio.to_thread(open_embedder, settings)
    batcher = Batcher(embedder)
    index = _index(settings, embedder)
    group = routing_group(await _prepared(index))
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    lag = GroupLag(settings.kafka_bootstrap_servers, group, [PUBLICATIONS.name, REGISTRATIONS.name])
    await asyncio.to_thread(_refuse_a_shorter_log, lag)
    producer = Producer(settings.kafka_bootstrap_servers)
    await producer.start()
    ports = Ports(index, TextMeaning(embedder, batcher), KafkaOutbox(producer, codec))
    # One each: an agent that hangs must not hide behind the other's work.
    progress = {PUBLICATIONS.name: Progress(), REGISTRATIONS.name: Progress()}
    processor = Processor(codec, ports, producer, DeadLetterLimit(), progress)
    app = build_app(group, settings.kafka_bootstrap_servers, processor)
    return _Parts(
        batcher, index, producer, app, Lookout(app, lag, progress), Watchdog(progress), group
    )


def _index(settings: Settings, embedder: Embedder) -> QdrantIndex:
    key = settings.qdrant_api_key
    return QdrantIndex(
        settings.qdrant_url,
        settings.qdrant_grpc_port,
        fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        api_key=key.get_secret_value() if key else None,
    )


async def _prepared(index: QdrantIndex) -> str:
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


def _refuse_a_shorter_log(lag: GroupLag) -> None:
    """Exit when the log ends before what this index was built from.

    Faust would drop every new record up to the old offset, without a word.
    """
    every = [
        (topic.name, number)
        for topic in TOPICS
        if topic in (PUBLICATIONS, REGISTRATIONS)
        for number in range(topic.partitions)
    ]
    for (topic, partition), span in lag.spans(every).items():
        if span.log_is_shorter:
            exit_hard(
                EXIT_SETTINGS,
                f"{topic}/{partition} ends at offset {span.end}, but this index was built up to"
                f" {span.next}: the log lost records or is another one. Delete the index's"
                " collections to build it anew from this log",
            )


def _health(settings: Settings, parts: _Parts) -> HealthServer | None:
    if settings.health_port is None:
        return None

    def live() -> Mapping[str, bool]:
        return {"watched": parts.lookout.is_looking}

    def ready() -> Mapping[str, bool]:
        assigned = bool(parts.app.assignor.assigned_actives())
        return {"started": bool(parts.app.started), "assigned": assigned}

    return HealthServer(settings.health_port, live=live, ready=ready)


async def _before(stop: asyncio.Event, work: Awaitable[object]) -> bool:
    """Wait for `work` or for the order to stop; return whether the work was done first."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(work)
    await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return working.done()


async def _until_stopped_or_crashed(parts: _Parts, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if parts.app.crashed or parts.app.should_stop:
            reason = f"the Kafka client stopped by itself: {parts.app.crash_reason!r}"
            exit_hard(EXIT_DEPENDENCY_AWAY, reason)
        if not parts.lookout.is_looking:
            exit_hard(EXIT_BUG, "nobody looks at the progress any more")
        try:
            await asyncio.wait_for(stop.wait(), CRASH_LOOK_S)
        except TimeoutError:
            continue


async def _close(parts: _Parts, health: HealthServer | None) -> None:
    await asyncio.wait_for(parts.app.stop(), STOP_S_MAX)
    await parts.lookout.stop()
    parts.watchdog.stop()
    if health is not None:
        await health.stop()
    await parts.batcher.close()
    await parts.producer.stop()
    await parts.index.close()


def main() -> None:
    """Run the worker; the exit status says why it ended."""
    try:
        settings = load_settings()
        configure(settings, "routing")
        asyncio.run(_serve(settings))
    except DependencyAway as error:
        exit_hard(EXIT_DEPENDENCY_AWAY, str(error))
    except TimeoutError:
        exit_hard(EXIT_DEPENDENCY_AWAY, "joining or leaving the group took too long")
    except CallerError as error:
        exit_hard(EXIT_SETTINGS, str(error))
    except Exception as error:  # noqa: BLE001 - the root: an interpreter's own end may hang on threads
        _log.critical("a bug ended this worker", exc_info=error)
        exit_hard(EXIT_BUG, f"{type(error).__name__}: {error}")
