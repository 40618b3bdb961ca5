"""A check's work: what is read from where, and how far routing has come.

Decides how far is judged (what routing has finished). Prints nothing.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Final

from contex.check.findings import Report
from contex.check.gather import Progress, Question, Sources
from contex.check.run import check as run_check
from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.embedding.batcher import Batcher
from contex.embedding.environment import settle
from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.index.inspection import look
from contex.log.lag import GroupLag, Span
from contex.log.reader import Reader
from contex.log.registry import schema_source
from contex.records.codec import Codec
from contex.routing.meaning import TextMeaning
from contex.settings import Settings
from topology.catalogue import (
    DAY_MS,
    PUBLICATIONS,
    REGISTRATIONS,
    ROUTING_DEAD_LETTER,
    TIME_TRAVEL_MS,
    UPDATES,
)
from topology.stages import routing_group

SOURCES: Final = Sources(
    publications=PUBLICATIONS.name,
    registrations=REGISTRATIONS.name,
    updates=UPDATES.name,
    dead_letters=ROUTING_DEAD_LETTER.name,
)
LOOK_EVERY_S: Final = 0.5
_CLOCKS_MS: Final = DAY_MS
"""The cleaner's age of a record and ours may differ; a day is more than any clock does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is asked for."""

    tenant: str | None = None
    project: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    wait_s: float = 0.0
    group: str | None = None
    sources: Sources = SOURCES


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, and how far it reaches."""

    report: Report
    group: str
    waiting: int
    took_s: float


async def examine(settings: Settings, asked: Asked, progress: Progress) -> Checked:
    """Run a check.

    Raises:
        DependencyAway: something that it needs does not answer.
        Failed: no routing worker has built an index yet.
    """
    began_s = time.monotonic()
    embedder = await asyncio.to_thread(_embedder, settings)
    group = asked.group or await _group(settings, embedder)
    lag = GroupLag(settings.kafka_bootstrap_servers, group, [PUBLICATIONS.name, REGISTRATIONS.name])
    spans = await _finished(lag, asked.wait_s, progress)
    question = Question(
        sources=asked.sources,
        finished={place: span.next for place, span in spans.items()},
        tenant=asked.tenant,
        project=asked.project,
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        uncompacted_since_ms=time.time_ns() // 1_000_000 - TIME_TRAVEL_MS + _CLOCKS_MS,
    )
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    reader = Reader(settings.kafka_bootstrap_servers)
    try:
        async with Batcher(embedder) as batcher:
            meaning = TextMeaning(embedder, batcher)
            report = await run_check(reader, codec, meaning, question, progress)
    finally:
        await reader.stop()
    waiting = sum(span.lag for span in spans.values())
    return Checked(report, group, waiting, time.monotonic() - began_s)


def _embedder(settings: Settings) -> Embedder:
    """Return the embedder of the routing workers.

    Raises:
        DependencyAway: the model is not on this machine.
    """
    settle(os.environ)
    return open_embedder(settings)


async def _group(settings: Settings, embedder: Embedder) -> str:
    key = settings.qdrant_api_key
    state = await look(
        settings.qdrant_url, settings.qdrant_grpc_port, key.get_secret_value() if key else None
    )
    for index in state.indexes:
        if index.fingerprint == embedder.fingerprint and index.index_id is not None:
            return routing_group(index.index_id)
    raise Failed(
        f"no index of {embedder.fingerprint} is there: routing has not begun",
        "CONTEX_EMBEDDER and CONTEX_MODEL must be those of the routing workers.",
        status=Exit.UNAVAILABLE,
    )


async def _finished(
    lag: GroupLag, wait_s: float, progress: Progress
) -> dict[tuple[str, int], Span]:
    """Return how far routing has come, once it has come as far as the log goes now."""
    places = [
        (topic.name, number)
        for topic in (PUBLICATIONS, REGISTRATIONS)
        for number in range(topic.partitions)
    ]
    deadline_s = time.monotonic() + wait_s
    first = spans = await asyncio.to_thread(lag.spans, places)
    while (
        any(spans[place].next < first[place].end for place in places)
        and time.monotonic() < deadline_s
    ):
        behind = sum(max(0, first[place].end - spans[place].next) for place in places)
        progress("waiting for routing, records", behind, 0)
        await asyncio.sleep(LOOK_EVERY_S)
        spans = await asyncio.to_thread(lag.spans, places)
    return spans
