"""Redriven records: where a record comes from that was a dead letter, and the note left behind.

Decides two sets of headers. A record that is redriven carries its original's place, so that it is
known for as old as that one; the note, written beside the dead letter, says what became of it.
"""

from dataclasses import dataclass
from typing import Self

from contex.errors import InvalidRecord
from contex.records.headers import TIME_MS_MAX, header
from contex.records.message import Headers, Message, Received

PREFIX = "__contex.redriven."
_INTEGER_DIGITS_MAX = 19
_NOTE = f"{PREFIX}note"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands. Written `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a place.

        Raises:
            InvalidRecord: if it is none.
        """
        topic, _, rest = text.partition(":")
        partition, _, offset = rest.partition(":")
        if not topic:
            raise InvalidRecord(f"no place topic:partition:offset: {text[:80]!r}", field="place")
        return cls(topic, _integer(partition, text), _integer(offset, text))

    @classmethod
    def of(cls, received: Received) -> Self:
        """Return where a record was read."""
        return cls(received.topic, received.partition, received.offset)


@dataclass(frozen=True, slots=True)
class Redriven:
    """What the headers of a redriven record say.

    Attributes:
        letter: the dead letter that it was.
        original: where the record stood that failed first.
        at_ms: when it was redriven.
        count: how often, this time included.
        attempt: how often it had been tried before, in all.
        first_failed_at_ms: when it failed first.
    """

    letter: Place
    original: Place
    at_ms: int
    count: int = 1
    attempt: int = 1
    first_failed_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a dead letter; it stands in the same topic, later."""

    letter: Place
    to: Place
    at_ms: int


def redriven_headers(headers: Headers, redriven: Redriven) -> Headers:
    """Return `headers` with what is known of the redrive, and nothing of earlier ones."""
    said = {
        "from": redriven.letter,
        "original": redriven.original,
        "at": redriven.at_ms,
        "count": redriven.count,
        "attempt": redriven.attempt,
        "first_failed_at": redriven.first_failed_at_ms,
    }
    kept = [(name, value) for name, value in headers if not name.startswith(PREFIX)]
    return (*kept, *((PREFIX + name, str(value).encode()) for name, value in said.items()))


def read_redriven(headers: Headers) -> Redriven | None:
    """Read a record's headers; None if it was never redriven, or they are malformed."""
    try:
        return Redriven(
            letter=_place(headers, "from"),
            original=_place(headers, "original"),
            at_ms=_number(headers, "at"),
            count=_number(headers, "count"),
            attempt=_number(headers, "attempt"),
            first_failed_at_ms=min(_number(headers, "first_failed_at"), TIME_MS_MAX),
        )
    except InvalidRecord:
        return None


def write_note(note: Note, key: bytes) -> Message:
    """Return the note as it goes into the topic of the letter."""
    return Message(
        key,
        None,
        (
            (_NOTE, str(note.letter).encode()),
            (f"{PREFIX}to", str(note.to).encode()),
            (f"{PREFIX}at", str(note.at_ms).encode()),
        ),
    )


def read_note(headers: Headers) -> Note | None:
    """Read a note; None if the record is none, or a malformed one."""
    try:
        return Note(_place(headers, "note"), _place(headers, "to"), _number(headers, "at"))
    except InvalidRecord:
        return None


def _text(headers: Headers, name: str) -> str:
    text = header(headers, PREFIX + name)
    if text is None:
        raise InvalidRecord(f"header {PREFIX}{name} is missing", field=PREFIX + name)
    return text


def _place(headers: Headers, name: str) -> Place:
    return Place.parse(_text(headers, name))


def _number(headers: Headers, name: str) -> int:
    text = _text(headers, name)
    return _integer(text, text)


def _integer(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _INTEGER_DIGITS_MAX):
        raise InvalidRecord(f"no whole number where one belongs: {text[:80]!r}", field="place")
    return int(digits)
