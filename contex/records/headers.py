"""Record headers: CloudEvents 1.0 in binary mode, and the W3C trace context.

Decides how an event's context is written beside a record and read back. Makes no id, no time and no
random number of its own: they are passed in.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from contex.errors import InvalidRecord
from contex.records.message import Headers, Received

AVRO = "application/avro"
SPEC_VERSION = "1.0"
EVENT_ID_CHARACTERS_MAX = 256
TIME_MS_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which RFC 3339 has no words."""
EVENT_NAMESPACE = uuid.UUID("c8b0f3d6-7d2c-5b43-9a3e-1f0a2d5c7e60")

_EPOCH = datetime.fromtimestamp(0, UTC)
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


@dataclass(frozen=True, slots=True)
class Event:
    """The CloudEvents attributes of one record."""

    event_id: str
    source: str
    event_type: str
    subject: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A position in a trace, as `traceparent` carries it."""

    trace_id: bytes
    parent_id: bytes
    flags: int = 1

    def __str__(self) -> str:
        return f"00-{self.trace_id.hex()}-{self.parent_id.hex()}-{self.flags:02x}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the header; None when it is malformed, as the standard asks: a new trace begins."""
        match = _TRACEPARENT.fullmatch(text)
        if match is None or (match[1] == "00" and match[5]):
            return None
        return cls(bytes.fromhex(match[2]), bytes.fromhex(match[3]), int(match[4], 16))

    @classmethod
    def new(cls, random: bytes) -> Self:
        """Begin a trace out of 24 random bytes: 16 for the trace, 8 for its first span."""
        if len(random) != 24:  # noqa: PLR2004 - the sizes of the two ids that the standard names
            raise ValueError(f"24 random bytes are needed, got {len(random)}")
        return cls(random[:16], random[16:])

    def child(self, random: bytes) -> Self:
        """Return the position of a span below this one, out of 8 random bytes."""
        return type(self)(self.trace_id, random, self.flags)


def event_headers(event: Event, *, content_type: str | None, traceparent: str | None) -> Headers:
    """Write an event's headers; `content_type` is None for a tombstone."""
    named = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": event.event_id,
        "ce_source": event.source,
        "ce_type": event.event_type,
        "ce_subject": event.subject,
        "ce_time": rfc3339(event.time_ms),
        "content-type": content_type,
        "traceparent": traceparent,
    }
    return tuple((name, _encoded(name, text)) for name, text in named.items() if text is not None)


def header(headers: Headers, name: str) -> str | None:
    """Return the last header called `name` as text, or None.

    Raises:
        InvalidRecord: if it is not UTF-8.
    """
    for candidate, value in reversed(headers):
        if candidate == name and value is not None:
            try:
                return value.decode()
            except UnicodeDecodeError as error:
                raise InvalidRecord(f"header {name} is not UTF-8", field=name) from error
    return None


def event_id(received: Received) -> str:
    """Return the event's id: `ce_id`, or one that is always the same for this place in the log.

    Raises:
        InvalidRecord: if the header is malformed.
    """
    written = header(received.headers, "ce_id")
    if written is None:
        place = f"{received.topic}/{received.partition}/{received.offset}"
        return str(uuid.uuid5(EVENT_NAMESPACE, place))
    if not 1 <= len(written) <= EVENT_ID_CHARACTERS_MAX:
        raise InvalidRecord(
            f"header ce_id must be 1 to {EVENT_ID_CHARACTERS_MAX} characters, got {len(written)}",
            field="ce_id",
        )
    return written


def event_time_ms(received: Received) -> int:
    """Return the event's time: `ce_time`, or the record's own timestamp.

    Raises:
        InvalidRecord: if the header is malformed.
    """
    written = header(received.headers, "ce_time")
    return max(received.timestamp_ms, 0) if written is None else parse_rfc3339(written, "ce_time")


def traceparent_of(headers: Headers) -> Traceparent | None:
    """Return the trace that a record belongs to, or None; a malformed header is as good as none."""
    try:
        written = header(headers, "traceparent")
    except InvalidRecord:
        return None
    return None if written is None else Traceparent.parse(written)


def check_time(time_ms: int, field: str) -> int:
    """Return `time_ms` if RFC 3339 has words for it.

    Raises:
        InvalidRecord: if it lies outside the years 1970 to 9999.
    """
    if not 0 <= time_ms <= TIME_MS_MAX:
        raise InvalidRecord(
            f"{field} must lie in the years 1970 to 9999, got {time_ms} ms", field=field
        )
    return time_ms


def rfc3339(time_ms: int) -> str:
    """Write a time, in UTC, to the millisecond.

    Raises:
        InvalidRecord: if it lies outside the years 1970 to 9999.
    """
    seconds, milliseconds = divmod(check_time(time_ms, "time"), 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{milliseconds:03}Z"


def parse_rfc3339(text: str, field: str) -> int:
    """Read a time as milliseconds since the epoch.

    Raises:
        InvalidRecord: if it is no time, has no zone, or lies outside the years 1970 to 9999.
    """
    try:
        moment = datetime.fromisoformat(text.upper())  # the standard permits "t" and "z"
        time_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidRecord(f"{field} is no RFC 3339 time: {text[:80]!r}", field=field) from error
    return check_time(time_ms, field)


def _encoded(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRecord(f"{name} is not valid Unicode text", field=name) from error
