"""Dead letters: a record that could not be processed, as it was, and why.

Decides the headers that say where it failed. Key, value and the other headers stay byte for byte,
so that a redrive is a copy.
"""

from dataclasses import dataclass, replace

from contex.errors import InvalidRecord
from contex.records.headers import TIME_MS_MAX, header
from contex.records.message import Headers, Message, Received
from contex.records.redriven import read_redriven

PREFIX = "__contex.errors."
MESSAGE_CHARACTERS_MAX = 2_000
_INTEGER_DIGITS_MAX = 19
_OMITTED = f"{PREFIX}value_omitted_bytes"


@dataclass(frozen=True, slots=True)
class DeadLetterInfo:
    """What a dead letter's headers say.

    Attributes:
        topic: where the record failed, with its partition and offset.
        stage: which stage of the topology gave it up.
        error_class: the error's full class name.
        message: the error in words, at most 2,000 characters.
        attempt: how often it was tried in all.
        first_failed_at_ms: when it failed first; a redrive that fails again keeps it.
        keyless: the original had no key at all, which is not the same as an empty one.
    """

    topic: str
    partition: int
    offset: int
    stage: str
    error_class: str
    message: str
    attempt: int
    first_failed_at_ms: int
    keyless: bool = False


def dead_letter(
    received: Received, *, stage: str, error: BaseException, at_ms: int, attempt: int = 1
) -> Message:
    """Return what goes into the dead-letter topic for a record that `error` ended.

    A record that was redriven keeps the time of its first failure, and its attempts are added up.
    """
    info = DeadLetterInfo(
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        stage=stage,
        error_class=f"{type(error).__module__}.{type(error).__qualname__}",
        message=str(error)[:MESSAGE_CHARACTERS_MAX],
        attempt=attempt,
        first_failed_at_ms=at_ms,
        keyless=received.key is None,
    )
    earlier = _earlier(received.headers)
    if earlier is not None:
        tried, first_failed_at_ms = earlier
        info = replace(info, attempt=tried + attempt, first_failed_at_ms=first_failed_at_ms)
    return Message(
        key=received.key or b"",
        value=received.value,
        headers=(*original_headers(received.headers), *_write(info)),
    )


def original_headers(headers: Headers) -> Headers:
    """Return the headers that the record had before it became a dead letter."""
    return tuple((name, value) for name, value in headers if not name.startswith(PREFIX))


def without_value(letter: Message) -> Message:
    """Return a letter too large for its topic, without its value: a header says how large it was.

    The original still stands where the other headers say, for as long as that topic keeps it.
    """
    size_bytes = len(letter.value or b"")
    said = (_OMITTED, str(size_bytes).encode())
    return Message(letter.key, None, (*letter.headers, said))


def omitted_bytes(headers: Headers) -> int | None:
    """Return how large the value was that a letter was too large for, or None if it has all."""
    try:
        return _integer(headers, _OMITTED.removeprefix(PREFIX))
    except InvalidRecord:
        return None


def read_headers(headers: Headers) -> DeadLetterInfo:
    """Read what a dead letter's headers say.

    Raises:
        InvalidRecord: if one is missing or malformed.
    """
    return DeadLetterInfo(
        topic=_text(headers, "topic"),
        partition=_integer(headers, "partition"),
        offset=_integer(headers, "offset"),
        stage=_text(headers, "stage"),
        error_class=_text(headers, "class"),
        message=_text(headers, "message"),
        attempt=_integer(headers, "attempt"),
        first_failed_at_ms=_integer(headers, "first_failed_at"),
        keyless=header(headers, f"{PREFIX}keyless") is not None,
    )


def _write(info: DeadLetterInfo) -> Headers:
    named: dict[str, object] = {
        "topic": info.topic,
        "partition": info.partition,
        "offset": info.offset,
        "stage": info.stage,
        "class": info.error_class,
        "message": info.message,
        "attempt": info.attempt,
        "first_failed_at": info.first_failed_at_ms,
    }
    if info.keyless:
        named["keyless"] = "true"
    return tuple(
        # An error may quote what it could not read: such text must not fail a second time.
        (f"{PREFIX}{name}", str(value).encode(errors="backslashreplace"))
        for name, value in named.items()
    )


def _earlier(headers: Headers) -> tuple[int, int] | None:
    """Return how often the record was tried before and when it failed first."""
    redriven = read_redriven(headers)
    if redriven is not None:
        return redriven.attempt, redriven.first_failed_at_ms
    try:
        info = read_headers(headers)
    except InvalidRecord:
        return None
    if not 0 <= info.first_failed_at_ms <= TIME_MS_MAX:
        return None
    return info.attempt, info.first_failed_at_ms


def _text(headers: Headers, name: str) -> str:
    text = header(headers, PREFIX + name)
    if text is None:
        raise InvalidRecord(f"header {PREFIX}{name} is missing", field=PREFIX + name)
    return text


def _integer(headers: Headers, name: str) -> int:
    text = _text(headers, name)
    if not (text.isascii() and text.isdigit() and len(text) <= _INTEGER_DIGITS_MAX):
        raise InvalidRecord(
            f"header {PREFIX}{name} is no whole number: {text[:80]!r}", field=PREFIX + name
        )
    return int(text)
