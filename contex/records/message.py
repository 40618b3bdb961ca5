"""A record as it stands in a topic: bytes, nothing decoded."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is produced. A `value` of None is a tombstone."""

    key: bytes
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Received:
    """What was consumed, and from where."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an acknowledged message stands."""

    topic: str
    partition: int
    offset: int
