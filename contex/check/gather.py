"""Reading the topics into the ledger: every record becomes a fact, or a finding.

Decides how far is read. The ends are measured from the effects to their causes: every update below
its end was caused by records below theirs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from contex.check.facts import Registered, State, Version, content_of, told
from contex.check.findings import Finding, Kind, Report, Unjudged
from contex.check.ledger import Ledger
from contex.check.vectors import digest
from contex.check.weighing import Scale
from contex.dead_letters.scan import Reader, first_offset, forward
from contex.errors import CallerError, InvalidName, InvalidRecord
from contex.records.codec import Codec
from contex.records.dead_letter import read_headers
from contex.records.message import Received
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Deletion
from contex.records.registration import Unregistration
from contex.routing.ports import Meaning

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""
_Places = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """The topics that are compared."""

    publications: str
    registrations: str
    updates: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be checked.

    Attributes:
        finished: how far routing has come, by topic and partition.
        since_ms: what was told before is not looked at.
        until_ms: what was written later counts as in flight.
        uncompacted_since_ms: no publication that is younger was compacted away.
    """

    sources: Sources
    finished: Mapping[tuple[str, int], int]
    tenant: str | None = None
    project: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    uncompacted_since_ms: int = 0

    def asks_about(self, scope: Scope) -> bool:
        """Say whether a project is to be checked."""
        return self.tenant in {None, scope.tenant} and self.project in {None, scope.project}

    @property
    def asks_about_all(self) -> bool:
        """Whether every project is to be checked."""
        return self.tenant is None and self.project is None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back and how far on the facts go.

    Attributes:
        finished: below these offsets all is finished, by topic and partition.
        told_since_ms: per partition of the updates, the time from which all that was told is known;
            -1: all of it.
        letters_since_ms: the same of the dead letters.
        partitions: how many each topic has.
    """

    finished: Mapping[tuple[str, int], int]
    told_since_ms: Mapping[int, int]
    letters_since_ms: int
    partitions: Mapping[str, int]


class Gathering:
    """One reading of all topics."""

    def __init__(
        self,
        reader: Reader,
        codec: Codec,
        meaning: Meaning,
        question: Question,
        ledger: Ledger,
        report: Report,
        progress: Progress,
    ) -> None:
        self._reader = reader
        self._codec = codec
        self._meaning = meaning
        self._question = question
        self._ledger = ledger
        self._report = report
        self._progress = progress
        self._number = 0

    async def run(self) -> Reach:
        """Read everything.

        Raises:
            DependencyAway: Kafka or the registry does not answer.
        """
        sources = self._question.sources
        order = (
            sources.updates,
            sources.publications,
            sources.registrations,
            sources.dead_letters,
        )
        ends = {topic: dict(await self._reader.end_offsets(topic)) for topic in order}
        letters_since_ms = await self._letters(ends[sources.dead_letters])
        for topic, keep in (
            (sources.registrations, self._registration),
            (sources.publications, self._publication),
        ):
            for partition, start, end in await self._spans(topic, ends[topic], None):
                await self._read(topic, partition, start, end, keep)
        told_since_ms: dict[int, int] = {}
        since_ms = self._question.since_ms
        for partition, start, end in await self._spans(
            sources.updates, ends[sources.updates], since_ms
        ):
            first = await self._read(sources.updates, partition, start, end, self._told)
            told_since_ms[partition] = await self._known_since(start, end, first)
        return Reach(
            finished=await self._finished(ends),
            told_since_ms=told_since_ms,
            letters_since_ms=letters_since_ms,
            partitions={topic: len(of_topic) for topic, of_topic in ends.items()},
        )

    async def _spans(
        self, topic: str, ends: _Places, since_ms: int | None
    ) -> list[tuple[int, int, int]]:
        return [
            (partition, await first_offset(self._reader, topic, partition, since_ms), end)
            for partition, end in sorted(ends.items())
        ]

    async def _read(
        self, topic: str, partition: int, start: int, end: int, keep: Callable[[Received], object]
    ) -> int | None:
        """Read a partition; return the time of its first record."""
        first: int | None = None
        async for span in forward(self._reader, topic, partition, start, end):
            for received in span.records:
                first = received.timestamp_ms if first is None else first
                kept = keep(received)
                if asyncio.iscoroutine(kept):
                    await kept
            self._progress(f"reading {topic}/{partition}", span.next_offset - start, end - start)
        return first

    async def _known_since(self, start: int, end: int, first_ms: int | None) -> int:
        if start == 0 and self._question.since_ms is None:
            return -1
        if first_ms is not None:
            return max(first_ms, self._question.since_ms or 0)
        # Nothing is retained: then nothing that was told before now is known.
        return (self._question.since_ms or 0) if end == 0 or start < end else 2**62

    async def _letters(self, ends: _Places) -> int:
        topic = self._question.sources.dead_letters
        known_since_ms = -1
        for partition, start, end in await self._spans(topic, ends, None):
            first = await self._read(topic, partition, start, end, self._letter)
            if start > 0:
                known_since_ms = max(known_since_ms, 2**62 if first is None else first)
        return known_since_ms

    async def _finished(self, ends: Mapping[str, _Places]) -> Mapping[tuple[str, int], int]:
        sources = self._question.sources
        finished: dict[tuple[str, int], int] = {}
        for topic in (sources.publications, sources.registrations):
            for partition, end in ends[topic].items():
                reached = min(end, self._question.finished.get((topic, partition), 0))
                if self._question.until_ms is not None:
                    until = await self._reader.offset_at(topic, partition, self._question.until_ms)
                    reached = min(reached, until)
                finished[topic, partition] = reached
        return finished

    def _letter(self, received: Received) -> None:
        try:
            info = read_headers(received.headers)
        except InvalidRecord:
            return
        self._ledger.add_letter(info.topic, info.partition, info.offset)

    def _registration(self, received: Received) -> None:
        dead = self._ledger.is_dead(received.topic, received.partition, received.offset)
        try:
            key = AgentKey.parse((received.key or b"").decode())
        except (InvalidName, UnicodeDecodeError) as error:
            self._keyless(received, error, dead=dead)
            return
        one = Registered(
            key,
            received.partition,
            received.offset,
            received.timestamp_ms,
            State.LIVE,
            dead,
        )
        try:
            record = self._codec.registration(received)
        except CallerError as error:
            self._ledger.add_registered(replace(one, state=State.UNREADABLE, error=str(error)))
            return
        if isinstance(record, Unregistration):
            self._ledger.add_registered(replace(one, state=State.ENDED))
            return
        texts = Scale.texts(record.needs)
        self._ledger.add_texts((digest(text), text) for text in texts)
        self._ledger.add_registered(replace(one, needs=record.needs))

    async def _publication(self, received: Received) -> None:
        dead = self._ledger.is_dead(received.topic, received.partition, received.offset)
        place = (received.partition, received.offset, received.timestamp_ms)
        try:
            key = ValueKey.parse((received.key or b"").decode())
        except (InvalidName, UnicodeDecodeError) as error:
            self._ledger.add_other(*place)
            self._keyless(received, error, dead=dead)
            return
        if not self._question.asks_about(key.scope):
            self._ledger.add_other(*place)
            return
        self._ledger.add_version(
            await self._version(received, Version(key, *place, State.LIVE, dead))
        )

    async def _version(self, received: Received, version: Version) -> Version:
        try:
            record = self._codec.publication(received)
            if isinstance(record, Deletion):
                return replace(version, state=State.ENDED)
            reading = await self._meaning.read(record.key.data_key, record.value)
        except CallerError as error:
            return replace(version, state=State.UNREADABLE, error=str(error))
        names = [digest(text) for text in reading.passages]
        self._ledger.add_texts(zip(names, reading.passages, strict=True))
        as_told = replace(record.value, content_type=reading.content_type)
        return replace(
            version,
            content_hash=record.value.content_hash,
            content=content_of(as_told),
            size_bytes=len(record.value.content),
            tokens=reading.tokens,
            chunks=b"".join(names),
        )

    def _told(self, received: Received) -> None:
        place = f"{received.topic}:{received.partition}:{received.offset}"
        try:
            update = self._codec.update(received)
        except CallerError as error:
            if self._question.asks_about_all:
                finding = Finding(Kind.UNREADABLE, "", "", "", "", str(error), place)
                self._report.find(finding)
            return
        if not self._question.asks_about(update.agent.scope):
            return
        self._ledger.add_texts(
            (digest(need.need), need.need) for item in update.items for need in item.needs
        )
        self._number += 1
        self._ledger.add_told(self._number, told(update, place))

    def _keyless(self, received: Received, error: Exception, *, dead: bool) -> None:
        """Judge a record whose key belongs to nobody: a dead letter must tell of it."""
        if dead or not self._question.asks_about_all:
            return
        place = f"{received.topic}:{received.partition}:{received.offset}"
        finished = self._question.finished.get((received.topic, received.partition), 0)
        if received.offset >= finished:
            self._report.leave(Unjudged.IN_FLIGHT)
        else:
            finding = Finding(Kind.UNACCOUNTED, "", "", "", "", str(error), place)
            self._report.find(finding)
