"""What the commands `contex dead-letters` do: read letters, and write records back.

Decides what a person is asked before anything is written. Prints no result.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import click

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.output import plural, remarks
from contex.dead_letters.letter import Filter, Letter
from contex.dead_letters.payload import Payload, describe
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
from contex.log.producer import Producer
from contex.log.reader import Reader
from contex.log.registry import schema_source
from contex.records.message import Received
from contex.records.redriven import Note, Place
from contex.settings import Settings
from topology.commands import letters_shown

COMPRESSION: Final = "gzip"
"""What was small only when compressed goes back compressed; every client reads it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the filters say."""

    wanted: Filter
    ways: tuple[Way, ...]
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be redriven, and how."""

    asked: Asked
    places: Sequence[tuple[Way, Place]]
    dry_run: bool
    force: bool
    yes: bool


async def list_letters(
    settings: Settings, asked: Asked, limit: int
) -> tuple[list[tuple[Letter, Note | None]], bool]:
    """Return dead letters, newest first, and whether there are more."""
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


async def show_letter(
    settings: Settings, way: Way, place: Place
) -> tuple[Letter, Note | None, Received, Payload]:
    """Return a letter, the note of its redrive, its record and what that holds."""
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


async def redrive_letters(settings: Settings, order: Order) -> list[Result]:
    """Bring letters back, or only judge them; return what became of each."""
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


async def _chosen(reader: Reader, order: Order, progress: Progress) -> list[Chosen]:
    if not order.places:
        found = [
            await choose(reader, way, order.asked.wanted, order.asked.since_ms, progress)
            for way in order.asked.ways
        ]
        for chosen in found:
            if chosen.more:
                remarks().print(f"Only the first {LETTERS_MAX:,} of {chosen.way.topic}: run again.")
        return found
    by_stage: dict[str, tuple[Way, list[Place]]] = {}
    for way, place in order.places:
        by_stage.setdefault(way.stage, (way, []))[1].append(place)
    found = [await choose_places(reader, way, some) for way, some in by_stage.values()]
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
