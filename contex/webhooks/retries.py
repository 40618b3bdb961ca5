"""What a record in a retry lane carries beside the update: which try is next, and since when.

Decides two headers. Key, value and the other headers stay as they were, so that every try sends
the same bytes under the same id.
"""

from dataclasses import dataclass

from contex.errors import InvalidRecord
from contex.records.headers import TIME_MS_MAX, header
from contex.records.message import Headers, Message, Received
from contex.webhooks.attempts import ATTEMPTS_MAX

ATTEMPT_HEADER = "__contex.retry.attempt"
FIRST_FAILED_AT_HEADER = "__contex.retry.first_failed_at"
_DIGITS_MAX = 15


@dataclass(frozen=True, slots=True)
class Turn:
    """Which try this is.

    Attributes:
        attempt: 1 for the first; a lane has it where the first was put off.
        first_failed_at_ms: when the first try failed, or None before it has.
    """

    attempt: int = 1
    first_failed_at_ms: int | None = None


def read_turn(received: Received) -> Turn:
    """Read which try a lane's record is due for.

    Raises:
        InvalidRecord: if a header is missing or no sensible number.
    """
    attempt = _number(received.headers, ATTEMPT_HEADER, 1, ATTEMPTS_MAX)
    if attempt == 1:
        return Turn()
    return Turn(attempt, _number(received.headers, FIRST_FAILED_AT_HEADER, 0, TIME_MS_MAX))


def waiting(received: Received, turn: Turn) -> Message:
    """Return what goes into a lane for a record whose next try is `turn`."""
    headers = [*_others(received.headers), (ATTEMPT_HEADER, str(turn.attempt).encode())]
    if turn.first_failed_at_ms is not None:
        headers.append((FIRST_FAILED_AT_HEADER, str(turn.first_failed_at_ms).encode()))
    return Message(received.key or b"", received.value, tuple(headers))


def _others(headers: Headers) -> Headers:
    mine = {ATTEMPT_HEADER, FIRST_FAILED_AT_HEADER}
    return tuple((name, value) for name, value in headers if name not in mine)


def _number(headers: Headers, name: str, least: int, most: int) -> int:
    text = header(headers, name) or ""
    if (
        text.isascii()
        and text.isdigit()
        and len(text) <= _DIGITS_MAX
        and least <= int(text) <= most
    ):
        return int(text)
    raise InvalidRecord(
        f"header {name} must be a number of {least} to {most}, got {text[:80]!r}", field=name
    )
