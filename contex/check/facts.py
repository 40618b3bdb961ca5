"""What the log says, as plain facts: versions of values, registrations, and what was told.

Decides what is kept of a record: enough to judge it, never its content.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need
from contex.records.update import Cause, Item, MatchedNeed, Update


class State(IntEnum):
    """What a record is."""

    LIVE = 0
    ENDED = 1  # a tombstone
    UNREADABLE = 2
    OTHER = 3  # of another key than is asked for


@dataclass(frozen=True, slots=True)
class Content:
    """A value as an agent sees it; its bytes by their hash."""

    sha256: str
    content_type: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """One publication or deletion.

    Attributes:
        at_ms: the broker's clock.
        dead: whether a dead letter tells of it.
        content_hash: what decides whether a republish is news.
        chunks: the digests of its passages, 16 bytes each.
    """

    key: ValueKey
    partition: int
    offset: int
    at_ms: int
    state: State
    dead: bool = False
    content_hash: str = ""
    content: Content | None = None
    size_bytes: int = 0
    tokens: int = 0
    chunks: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration, or the end of one."""

    key: AgentKey
    partition: int
    epoch: int
    at_ms: int
    state: State
    dead: bool = False
    needs: tuple[Need, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class ToldItem:
    """One item as it was told; `content` is None when by reference or ended."""

    data_key: str
    revision: int
    needs: tuple[MatchedNeed, ...] = ()
    content: Content | None = None
    reference: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One update as it stands in the feed."""

    agent: AgentKey
    place: str
    update_id: str
    kind: str
    epoch: int
    cause: Cause
    items: tuple[ToldItem, ...]
    omitted: Mapping[str, int] = field(default_factory=dict)
    omitted_total: int = 0


def content_of(value: Value) -> Content:
    """Return what an agent sees of a value."""
    digest = hashlib.sha256(value.content).hexdigest()
    return Content(digest, value.content_type, dict(value.metadata))


def told(update: Update, place: str) -> Told:
    """Return what is kept of an update."""
    return Told(
        agent=update.agent,
        place=place,
        update_id=str(update.update_id),
        kind=str(update.kind),
        epoch=update.epoch,
        cause=update.cause,
        items=tuple(_told_item(item) for item in update.items),
        omitted={one.data_key: one.revision for one in update.omitted},
        omitted_total=update.omitted_total,
    )


def _told_item(item: Item) -> ToldItem:
    content = None
    if item.content is not None:
        content = content_of(Value(item.content, item.content_type, item.metadata))
    return ToldItem(item.data_key, item.revision, item.needs, content, item.reference, item.tokens)
