"""Wires the routing worker and runs it until it is told to stop.

Order of start: model, index, producer, then the consumer group, so that no partition is taken
before it can be served. The group's name carries the index's id: an index that was lost comes back
empty with another id, and the new group replays the whole log into it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from contex.embedding.batcher import Batcher
from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.errors import DependencyAway
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
from contex.telemetry.logs import get_logger
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, TOPICS
from topology.stages import ROUTING, routing_group
from workers.exits import EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS, exit_hard
from workers.lookout import Lookout
from workers.process import finished_before, health_server, loop_turns, run
from workers.routing.agents import build_app
from workers.routing.outbox import KafkaOutbox
from workers.routing.processor import Processor
from workers.watchdog import Progress, Watchdog

START_WAIT_S_MAX = 600.0
START_RETRY_S = 1.0
JOIN_S_MAX = 120.0
STOP_S_MAX = 45.0
CRASH_LOOK_S = 0.5

Answer = TypeVar("Answer")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a worker is made of, opened in the order of the fields."""

    batcher: Batcher
    index: QdrantIndex
    producer: Producer
    app: Any
    progress: Mapping[str, Progress]
    lookout: Lookout
    watchdog: Watchdog
    group: str


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    opening = asyncio.ensure_future(_open(settings))
    if not await finished_before(stop, opening):
        exit_hard(0, "stopped before anything was taken")
    parts = opening.result()
    health = _health(settings, parts)
    if health is not None:
        await health.start()
    # From here on a hang is seen, the joining of the group included.
    parts.watchdog.start()
    parts.lookout.start()
    joining = asyncio.ensure_future(asyncio.wait_for(parts.app.start(), JOIN_S_MAX))
    if await finished_before(stop, joining):
        joining.result()
        _log.info("routing", group=parts.group)
        await _until_stopped_or_crashed(parts, stop)
    await _close(parts, health)


async def _open(settings: Settings) -> _Parts:
    embedder = await asyncio.to_thread(open_embedder, settings)
    batcher = Batcher(embedder)
    index = _index(settings, embedder)
    group = routing_group(await _answered(index.prepare, "the index"))
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    topics = [PUBLICATIONS.name, REGISTRATIONS.name]
    lag = GroupLag(settings.kafka_bootstrap_servers, group, topics)
    await _answered(lambda: asyncio.to_thread(_refuse_a_shorter_log, lag), "Kafka")
    producer = Producer(settings.kafka_bootstrap_servers)
    await producer.start()
    # One each: an agent that hangs must not hide behind the other's work.
    progress = {topic: Progress() for topic in topics}
    outbox = KafkaOutbox(producer, codec)
    ports = {
        topic: Ports(index, TextMeaning(embedder, batcher, own.advance), outbox)
        for topic, own in progress.items()
    }
    processor = Processor(codec, ports, producer, DeadLetterLimit(), progress)
    app = build_app(group, settings.kafka_bootstrap_servers, processor)
    lookout = Lookout(ROUTING.name, lag, topics, lambda: _assigned(app), progress)
    watchdog = Watchdog(ROUTING.name, progress)
    return _Parts(batcher, index, producer, app, progress, lookout, watchdog, group)


def _assigned(app: Any) -> set[tuple[str, int]]:  # noqa: ANN401 - faust is untyped
    return {(tp.topic, tp.partition) for tp in app.assignor.assigned_actives()}


def _index(settings: Settings, embedder: Embedder) -> QdrantIndex:
    key = settings.qdrant_api_key
    return QdrantIndex(
        settings.qdrant_url,
        settings.qdrant_grpc_port,
        fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        api_key=key.get_secret_value() if key else None,
    )


async def _answered(ask: Callable[[], Awaitable[Answer]], who: str) -> Answer:
    """Ask until there is an answer, outside the group; return it."""
    deadline = asyncio.get_running_loop().time() + START_WAIT_S_MAX
    while True:
        try:
            return await ask()
        except DependencyAway as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            _log.warning(f"waiting for {who}", error=str(error))
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
    def live() -> Mapping[str, bool]:
        return {"watched": parts.lookout.is_looking, "loop": loop_turns(parts.progress.values())}

    def ready() -> Mapping[str, bool]:
        return {"started": bool(parts.app.started), "assigned": bool(_assigned(parts.app))}

    return health_server(settings, live=live, ready=ready)


async def _until_stopped_or_crashed(parts: _Parts, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if parts.app.crashed or parts.app.should_stop:
            reason = f"the Kafka client stopped by itself: {parts.app.crash_reason!r}"
            exit_hard(EXIT_DEPENDENCY_AWAY, reason)
        parts.lookout.end_if_blind()
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
    run(ROUTING.name, _serve)
