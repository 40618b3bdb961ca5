"""Bringing dead letters back: chosen, judged against what was written since, written in order.

Decides the order of the steps. A letter's value is read when it is its turn and dropped when it is
acknowledged; what may go back is judged again right before each flight. The note is written after
the acknowledgement: a crash in between leaves a copy that the next run finds by its headers.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contex.dead_letters.letter import Filter, Letter
from contex.dead_letters.scan import Reader, forward, letter_or_note, oldest_first
from contex.dead_letters.verdicts import Judged, Since, Verdict, Way, judge, scans, sendable
from contex.errors import DependencyAway
from contex.records.dead_letter import original_headers
from contex.records.message import Message, Receipt, Received
from contex.records.redriven import Note, Place, Redriven, redriven_headers, write_note
from contex.webhooks.retries import Turn, waiting

LETTERS_MAX = 50_000
"""How many letters one run chooses; a further run goes on with the rest."""
FLIGHT_RECORDS_MAX = 100
FLIGHT_BYTES_MAX = 16 * 1024 * 1024

Progress = Callable[[str, int], None]
"""Told what is read, and how many more offsets were."""


class Sender(Protocol):
    """What writes."""

    async def send_each(
        self, topic: str, messages: Sequence[Message]
    ) -> Sequence[Receipt | Exception]:
        """Write messages in order; say of each where it stands, or what was wrong."""

    async def send_all(self, topic: str, messages: Sequence[Message]) -> Sequence[Receipt]:
        """Write messages, or raise."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one letter: judged, and if it went back, where it stands now."""

    judged: Judged
    to: Place | None = None
    error: str = ""


@dataclass
class Chosen:
    """The letters of one way that were asked for.

    Attributes:
        more: whether there were more than one run takes.
    """

    way: Way
    letters: list[Letter] = field(default_factory=list)
    notes: dict[Place, Note] = field(default_factory=dict)
    more: bool = False


async def choose(
    reader: Reader, way: Way, wanted: Filter, since_ms: int | None, progress: Progress
) -> Chosen:
    """Find the letters that are asked for, and the notes about them."""
    chosen = Chosen(way)
    read = oldest_first(
        reader, way.topic, since_ms=since_ms, progress=lambda more: progress(way.topic, more)
    )
    async for one in read:
        if isinstance(one, Note):
            chosen.notes[one.letter] = one
        elif wanted.accepts(one):
            if len(chosen.letters) < LETTERS_MAX:
                chosen.letters.append(one)
            else:
                chosen.more = True
    return chosen


async def choose_places(reader: Reader, way: Way, places: Iterable[Place]) -> Chosen:
    """Find the letters at `places`, and the notes about them; what is no letter is left out."""
    chosen = Chosen(way)
    ends = await reader.end_offsets(way.topic)
    for place in dict.fromkeys(places):
        if place.offset >= ends.get(place.partition, 0):
            continue  # reading a partition that is none would be taken for a broker that is away
        letter = await letter_at(reader, place)
        if letter is not None:
            chosen.letters.append(letter)
    if chosen.letters:
        since_ms = min(letter.at_ms for letter in chosen.letters)
        async for other in oldest_first(reader, way.topic, since_ms=since_ms):
            if isinstance(other, Note):
                chosen.notes[other.letter] = other
    return chosen


async def letter_at(reader: Reader, place: Place) -> Letter | None:
    """Return the letter that stands at a place of a dead-letter topic, or None."""
    received = await reader.record_at(place.topic, place.partition, place.offset)
    one = None if received is None else letter_or_note(received)
    return one if isinstance(one, Letter) else None


class Redrive:
    """One run over the letters of one way.

    Args:
        reader: reads the topics.
        chosen: the letters.
        force: bring back what is stale, or went back before, all the same.
        now_ms: the time that is written down.
    """

    def __init__(
        self, reader: Reader, chosen: Chosen, *, force: bool, now_ms: int, progress: Progress
    ) -> None:
        self._reader = reader
        self._chosen = chosen
        self._way = chosen.way
        self._force = force
        self._now_ms = now_ms
        self._progress = progress
        self._letters: list[Letter] = []
        self._positions: dict[tuple[str, int], int] = {}
        self._since: Since | None = None

    async def plan(self) -> list[Judged]:
        """Judge every letter, in the order in which they would go back."""
        self._letters, refused = sendable(self._chosen.letters, self._way, self._chosen.notes)
        if self._way.lane is None:
            self._since = Since(self._way, self._letters)
            self._positions = scans(self._letters, self._way)
            await self._advance()
        return [*[await self._judged(letter) for letter in self._letters], *refused]

    async def send(self, judged: Iterable[Judged], sender: Sender) -> AsyncIterator[Result]:
        """Bring back what the plan lets go, and yield what became of every letter.

        Raises:
            DependencyAway: Kafka does not answer; what was yielded until then is done.
        """
        flight: list[tuple[Letter, Message]] = []
        for one in judged:
            message = await self._message(one) if one.verdict is Verdict.REDRIVE else None
            if message is None:
                gone = one.verdict is Verdict.REDRIVE
                yield Result(one, error="it is retained no longer" if gone else "")
                continue
            if flight and self._lands(flight, one.letter):
                async for result in self._fly(flight, sender):
                    yield result
                flight = []
            flight.append((one.letter, message))
        async for result in self._fly(flight, sender):
            yield result

    def _lands(self, flight: Sequence[tuple[Letter, Message]], following: Letter) -> bool:
        """Say whether a flight is full, or the letter that follows goes elsewhere."""
        size_bytes = sum(len(message.value or b"") for _, message in flight)
        return (
            len(flight) >= FLIGHT_RECORDS_MAX
            or size_bytes >= FLIGHT_BYTES_MAX
            or self._topic(flight[0][0]) != self._topic(following)
        )

    async def _fly(
        self, flight: Sequence[tuple[Letter, Message]], sender: Sender
    ) -> AsyncIterator[Result]:
        """Judge once more what may have changed since, and write the rest."""
        await self._advance()
        going: list[tuple[Judged, Message]] = []
        for letter, message in flight:
            judged = await self._judged(letter, written=True)
            if judged.verdict is Verdict.REDRIVE:
                going.append((judged, message))
            else:
                yield Result(judged)
        if not going:
            return
        topic = self._topic(going[0][0].letter)
        outcomes = await sender.send_each(topic, [message for _, message in going])
        notes: list[Message] = []
        results: list[Result] = []
        away: DependencyAway | None = None
        for (judged, message), outcome in zip(going, outcomes, strict=True):
            if isinstance(outcome, DependencyAway):
                away = outcome
            elif isinstance(outcome, Exception):
                results.append(Result(judged, error=str(outcome)))
            else:
                to = Place(outcome.topic, outcome.partition, outcome.offset)
                note = Note(judged.letter.place, to, self._now_ms)
                notes.append(write_note(note, message.key))
                results.append(Result(judged, to))
        if notes:
            await sender.send_all(self._way.topic, notes)
        for result in results:
            yield result
        if away is not None:
            raise away

    def _topic(self, letter: Letter) -> str:
        if self._way.lane is not None:
            return self._way.lane
        assert letter.failed is not None
        return letter.failed.topic

    async def _advance(self) -> None:
        """Read what was written to the original topics since the last look."""
        since = self._since
        if since is None:
            return
        for (topic, partition), position in sorted(self._positions.items()):
            end = (await self._reader.bounds(topic, partition)).end
            async for span in forward(self._reader, topic, partition, position, end):
                for received in span.records:
                    since.see(received)
                self._progress(topic, span.next_offset - self._positions[topic, partition])
                self._positions[topic, partition] = span.next_offset

    async def _judged(self, letter: Letter, *, written: bool = False) -> Judged:
        judged = judge(letter, self._way, self._chosen.notes, self._since, force=self._force)
        if written or judged.verdict is not Verdict.REDRIVE or letter.omitted_bytes is None:
            return judged
        if await self._standing(letter) is None:
            reason = f"its {letter.omitted_bytes} bytes are not in it, and {letter.failed} is gone"
            return Judged(letter, Verdict.NO_VALUE, reason)
        return judged

    async def _standing(self, letter: Letter) -> Received | None:
        """Return the original of a letter that was too large, if it stands where it did."""
        place = letter.failed
        if place is None:
            return None
        found = await self._reader.record_at(place.topic, place.partition, place.offset)
        same = (
            found is not None
            and found.key == letter.key
            and len(found.value or b"") == letter.omitted_bytes
        )
        return found if same else None

    async def _message(self, judged: Judged) -> Message | None:
        """Return what goes back for a letter; None if it is retained no longer."""
        letter = judged.letter
        place = letter.place
        found = await self._reader.record_at(place.topic, place.partition, place.offset)
        if found is None or letter.failed is None or letter.original is None:
            return None
        value = found.value
        if letter.omitted_bytes is not None:
            original = await self._standing(letter)
            if original is None:
                return None
            value = original.value
        headers = redriven_headers(original_headers(found.headers), _redriven(letter, self._now_ms))
        if self._way.lane is None:
            return Message(found.key or b"", value, headers)
        back = Received(place.topic, place.partition, place.offset, 0, found.key, value, headers)
        return waiting(back, Turn())


def _redriven(letter: Letter, now_ms: int) -> Redriven:
    info, original = letter.info, letter.original
    assert info is not None
    assert original is not None
    return Redriven(
        letter=letter.place,
        original=original,
        at_ms=now_ms,
        count=1 if letter.redriven is None else letter.redriven.count + 1,
        attempt=info.attempt,
        first_failed_at_ms=info.first_failed_at_ms,
    )
