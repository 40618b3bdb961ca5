"""The command `contex check`: compares what agents were told with what they were owed.

Decides how far is judged (what routing has finished), what is printed, and the exit status.
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from contex.check.findings import Finding, Report
from contex.check.gather import Progress, Question, Sources
from contex.check.run import check as run_check
from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.moments import Moment
from contex.cli.output import document, plural, printable, remarks, results
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
from topology.commands.where import data_option, run, settings_here
from topology.stages import routing_group

SOURCES: Final = Sources(
    publications=PUBLICATIONS.name,
    registrations=REGISTRATIONS.name,
    updates=UPDATES.name,
    dead_letters=ROUTING_DEAD_LETTER.name,
)
LOOK_EVERY_S: Final = 0.5
FINDINGS_SHOWN_MAX: Final = 50
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


@click.command()
@click.option("--tenant", help="Only this tenant's.")
@click.option("--project", help="Only this project's.")
@click.option(
    "--since",
    "since_ms",
    type=Moment(),
    help="Only what was told since: 90s, 30m, 2h, 7d ago, or an RFC 3339 time.",
)
@click.option("--until", "until_ms", type=Moment(), help="Only what was published until then.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Wait so many seconds for routing to finish what is written now.",
)
@click.option("--group", help="Routing's consumer group, where the index cannot be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def check(*, data: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Check that every agent was told what it was owed, and nothing else.

    It reads values, registrations, updates and dead letters from Kafka, computes with the embedder
    what meets which need, and compares. What routing has not finished, or what the topics do not
    hold any more, is counted as not judged. It changes nothing. The exit status is 1 when something
    was found, 5 when Kafka, the index or the model is away.

    \b
    Examples:
      contex check --wait 30
      contex check --project demo --since 1d
      contex check --json | jq '.findings[] | select(.kind == "lost")'
    """
    settings = settings_here(data)
    asked = Asked(**options)
    with remarks().status("Starting ...") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

        found = run(examine(settings, asked, progress), settings.kafka_bootstrap_servers)
    if as_json:
        document(facts(found))
    else:
        _print(found)
    sys.stdout.flush()
    sys.exit(Exit.OK if found.report.consistent else Exit.FAILED)


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


def facts(checked: Checked) -> dict[str, Any]:
    """Return a report as JSON."""
    report = checked.report
    return {
        "consistent": report.consistent,
        "group": checked.group,
        "not_routed_yet": checked.waiting,
        "judged": dict(report.judged),
        "not_judged": {why.value: count for why, count in report.unjudged.items()},
        "counts": {kind.value: count for kind, count in report.counts.items()},
        "findings": [
            {
                "kind": one.kind.value,
                "tenant": one.tenant or None,
                "project": one.project or None,
                "agent_id": one.agent_id or None,
                "data_key": one.data_key or None,
                "detail": one.detail,
                "place": one.place or None,
            }
            for one in report.findings
        ],
        "took_s": round(checked.took_s, 3),
    }


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


def _print(checked: Checked) -> None:
    report = checked.report
    out = results()
    for finding in report.findings[:FINDINGS_SHOWN_MAX]:
        out.print(printable(_line(finding)), markup=False, soft_wrap=True)
    total = sum(report.counts.values())
    if total > FINDINGS_SHOWN_MAX:
        out.print(f"... {total - FINDINGS_SHOWN_MAX:,} more: --json has up to 1,000")
    judged = report.judged
    out.print(
        f"{plural(judged['pairs'], 'pair')} of {plural(judged['agents'], 'agent')} and values,"
        f" {plural(judged['updates'], 'update')} judged in {checked.took_s:.1f} s",
        soft_wrap=True,
    )
    for why, count in sorted(report.unjudged.items()):
        out.print(f"not judged, {why}: {count:,}")
    if checked.waiting:
        out.print(f"routing had {plural(checked.waiting, 'record')} left to do: see --wait")
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    out.print("Consistent." if report.consistent else f"Found: {counts}.", soft_wrap=True)


def _line(finding: Finding) -> str:
    whose = "/".join(part for part in (finding.tenant, finding.project) if part)
    who = f" {finding.agent_id}" if finding.agent_id else ""
    what = f" {finding.data_key!r}" if finding.data_key else ""
    place = f" ({finding.place})" if finding.place else ""
    return f"{finding.kind}: {whose}{who}{what}: {finding.detail}{place}"
