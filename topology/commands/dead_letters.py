"""The commands `contex dead-letters list | show | redrive`.

Decides what is asked before anything is written, and the exit statuses.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.moments import Moment
from contex.cli.output import document, plural, remarks
from contex.dead_letters.letter import Filter, Letter
from contex.dead_letters.payload import describe
from contex.dead_letters.redriving import (
    LETTERS_MAX,
    Chosen,
    Progress,
    Redrive,
    Result,
    choose,
    choose_places,
)
from contex.dead_letters.scan import newest_first
from contex.dead_letters.verdicts import Judged, Verdict, Way
from contex.errors import InvalidRecord
from contex.log.producer import Producer
from contex.log.reader import Reader
from contex.log.registry import schema_source
from contex.records.redriven import Note, Place
from contex.settings import Settings
from topology.catalogue import RETRY_LANES
from topology.commands import letters_shown
from topology.commands.where import data_option, run, settings_here
from topology.stages import STAGES

COMPRESSION: Final = "gzip"
"""What was small only when compressed goes back compressed; every client reads it."""
_MS: Final = 1_000
_F = TypeVar("_F", bound=Callable[..., Any])


def ways() -> Mapping[str, Way]:
    """Return how the dead letters of each stage go back.

    An update whose delivery was given up goes into the first retry lane: the webhook worker tries
    it again, under the same id and with all its tries, and the agent's feed is not told twice.
    """
    return {
        stage.name: Way(
            stage=stage.name,
            topic=stage.dead_letter.name,
            origins={topic.name: topic.partitions for topic in stage.reads},
            lane=RETRY_LANES[0].name if RETRY_LANES[0] in stage.writes else None,
        )
        for stage in STAGES
        if stage.dead_letter is not None
    }


def _filters(function: _F) -> _F:
    for option in reversed(
        (
            click.option("--stage", type=click.Choice(list(ways())), help="Who gave them up."),
            click.option("--tenant", help="Only this tenant's."),
            click.option("--project", help="Only this project's."),
            click.option("--key", help="The whole key, data key or agent; may have * and ?."),
            click.option("--class", "error_class", help="The error's class, as InvalidRecord."),
            click.option(
                "--since",
                "since_ms",
                type=Moment(),
                help="Given up since: 90s, 30m, 2h, 7d ago, or an RFC 3339 time.",
            ),
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the filters say."""

    wanted: Filter
    ways: tuple[Way, ...]
    since_ms: int | None


def _asked(options: Mapping[str, Any]) -> _Asked:
    stage = options["stage"]
    return _Asked(
        Filter(options["tenant"], options["project"], options["key"], options["error_class"]),
        tuple(way for name, way in ways().items() if stage in {None, name}),
        options["since_ms"],
    )


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at records that were given up, and bring them back."""


@dead_letters.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def list_(*, limit: int, as_json: bool, data: Path, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""List dead letters, newest first, and which were redriven.

    \b
    Examples:
      contex dead-letters list --since 1d
      contex dead-letters list --stage routing --class InvalidRecord --key 'orders/*'
      contex dead-letters list --json | jq -r '.dead_letters[] | select(.redriven == null).place'
    """
    settings = settings_here(data)
    asked = _asked(options)
    found, more = run(_list(settings, asked, limit), settings.kafka_bootstrap_servers)
    if as_json:
        facts = [letters_shown.letter_facts(letter, note) for letter, note in found]
        document({"dead_letters": facts, "count": len(found), "more": more})
        return
    if found:
        letters_shown.print_list(found)
    said = plural(len(found), "dead letter") if found else "No dead letters."
    remarks().print(f"{said}{'; there are more: --limit' if more else ''}")


@dead_letters.command()
@click.argument("place")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def show(place: str, *, as_json: bool, data: Path) -> None:
    r"""Show the dead letter at PLACE, topic:partition:offset as `list` names it.

    \b
    Example:
      contex dead-letters show contex.routing.dead-letter:0:17
    """
    [(way, where)] = _places([place])
    settings = settings_here(data)
    letter, note, received, payload = run(
        _show(settings, way, where), settings.kafka_bootstrap_servers
    )
    if as_json:
        document(letters_shown.full_facts(letter, note, received, payload))
    else:
        letters_shown.print_letter(letter, note, received, payload)


@dead_letters.command()
@click.argument("places", nargs=-1, metavar="[PLACE...]")
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them, where no filter is given.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--force", is_flag=True, help="Also what is stale, or was redriven before.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def redrive(
    places: tuple[str, ...],
    *,
    everything: bool,
    dry_run: bool,
    force: bool,
    yes: bool,
    as_json: bool,
    data: Path,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    r"""Bring dead letters back: those at PLACEs, those of a filter, or --all.

    A record goes back to its topic byte for byte, under its key, so into its partition; several of
    a key keep their order. One is skipped as stale when its key has a newer record there, which it
    would overwrite. Updates that webhooks gave up go into the first retry lane. The letters stay
    where they are; `list` shows which were redriven. The exit status is 1 when one was not.

    \b
    Examples:
      contex dead-letters redrive contex.routing.dead-letter:0:17
      contex dead-letters redrive --stage webhooks --key 'demo-agent' --since 2d --dry-run
      contex dead-letters redrive --all --yes
    """
    filtered = any(value is not None for value in options.values())
    if not (places or filtered or everything):
        raise click.UsageError("name a PLACE, give a filter, or say --all")
    if places and (filtered or everything):
        raise click.UsageError("PLACEs, or filters and --all: not both")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here: say --yes, or --dry-run")
    settings = settings_here(data)
    order = _Order(_asked(options), _places(places), dry_run=dry_run, force=force, yes=yes)
    every = run(_redrive(settings, order), settings.kafka_bootstrap_servers)
    counts = letters_shown.counted(every)
    if as_json:
        results = [letters_shown.result_facts(one) for one in every]
        document({"dry_run": dry_run, "results": results, "counts": counts})
    else:
        for one in every:
            click.echo(letters_shown.result_line(one))
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    remarks().print(said or "No dead letters.")
    done = "redrive" if dry_run else "redriven"
    sys.exit(Exit.OK if set(counts) <= {done} else Exit.FAILED)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be redriven, and how."""

    asked: _Asked
    places: Sequence[tuple[Way, Place]]
    dry_run: bool
    force: bool
    yes: bool


async def _list(
    settings: Settings, asked: _Asked, limit: int
) -> tuple[list[tuple[Letter, Note | None]], bool]:
    found: list[tuple[Letter, Note | None]] = []
    notes: dict[Place, Note] = {}
    async with _reader(settings) as reader:
        topics = [way.topic for way in asked.ways]
        async for one in newest_first(reader, topics, since_ms=asked.since_ms):
            if isinstance(one, Note):
                notes.setdefault(one.letter, one)
                continue
            note = notes.pop(one.place, None)
            if asked.wanted.accepts(one):
                if len(found) == limit:
                    return found, True
                found.append((one, note))
    return found, False


async def _show(settings: Settings, way: Way, place: Place) -> Any:  # noqa: ANN401 - four things
    async with _reader(settings) as reader:
        chosen = await choose_places(reader, way, [place])
        if not chosen.letters:
            raise _none_at(place)
        [letter] = chosen.letters
        received = await reader.record_at(place.topic, place.partition, place.offset)
        if received is None:
            raise _none_at(place)
        payload = describe(received.value, schema_source(settings))
        return letter, chosen.notes.get(place), received, payload


async def _redrive(settings: Settings, order: _Order) -> list[Result]:
    every: list[Result] = []
    with remarks().status("Reading ...") as status:

        def progress(topic: str, more: int) -> None:
            read[topic] = read.get(topic, 0) + more
            status.update(f"Reading {topic}: {read[topic]:,}")

        read: dict[str, int] = {}
        async with _reader(settings) as reader:
            runs: list[tuple[Redrive, list[Judged]]] = []
            for chosen in await _chosen(reader, order, progress):
                now_ms = time.time_ns() // 1_000_000
                run_ = Redrive(reader, chosen, force=order.force, now_ms=now_ms, progress=progress)
                runs.append((run_, await run_.plan()))
            judged = [one for _, plan in runs for one in plan]
            if order.dry_run or not any(one.verdict is Verdict.REDRIVE for one in judged):
                return letters_shown.planned(judged)
            status.stop()
            if not order.yes:
                _ask(judged)
            status.start()
            async with _producer(settings) as producer:
                for run_, plan in runs:
                    async for result in run_.send(plan, producer):
                        every.append(result)
                        status.update(f"Redriving: {len(every):,} of {len(judged):,}")
    return every


async def _chosen(reader: Reader, order: _Order, progress: Progress) -> list[Chosen]:
    if not order.places:
        found = [
            await choose(reader, way, order.asked.wanted, order.asked.since_ms, progress)
            for way in order.asked.ways
        ]
        for chosen in found:
            if chosen.more:
                remarks().print(f"Only the first {LETTERS_MAX:,} of {chosen.way.topic}: run again.")
        return found
    by_way: dict[str, list[Place]] = {}
    for way, place in order.places:
        by_way.setdefault(way.stage, []).append(place)
    found = [await choose_places(reader, ways()[name], some) for name, some in by_way.items()]
    there = {letter.place for chosen in found for letter in chosen.letters}
    for _, place in order.places:
        if place not in there:
            raise _none_at(place)
    return found


def _ask(judged: Sequence[Judged]) -> None:
    going = [one for one in judged if one.verdict is Verdict.REDRIVE]
    for one in judged:
        if one.verdict is not Verdict.REDRIVE or one.reason:
            click.echo(letters_shown.result_line(Result(one)), err=True)
    if not click.confirm(f"Redrive {plural(len(going), 'dead letter')}?", err=True):
        raise Failed("nothing was redriven")


def _places(texts: Sequence[str]) -> list[tuple[Way, Place]]:
    by_topic = {way.topic: way for way in ways().values()}
    found = []
    for text in texts:
        try:
            place = Place.parse(text)
        except InvalidRecord as error:
            raise click.BadParameter(
                f"expected topic:partition:offset, got {text!r}", param_hint="PLACE"
            ) from error
        if place.topic not in by_topic:
            raise click.BadParameter(
                f"{place.topic} holds no dead letters; {' and '.join(by_topic)} do",
                param_hint="PLACE",
            )
        found.append((by_topic[place.topic], place))
    return found


def _none_at(place: Place) -> Failed:
    step = "`contex dead-letters list` shows what there is."
    return Failed(f"no dead letter stands at {place}", step, status=Exit.NOT_FOUND)


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[Reader]:
    reader = Reader(settings.kafka_bootstrap_servers)
    try:
        yield reader
    finally:
        await reader.stop()


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[Producer]:
    producer = Producer(settings.kafka_bootstrap_servers, compression=COMPRESSION)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
