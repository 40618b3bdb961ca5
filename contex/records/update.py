"""Updates: what one agent is told because of one cause.

Decides the identity of an update: the same cause always makes the same id, so that every consumer
can drop a duplicate.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contex.records.names import AgentKey

UPDATE_NAMESPACE = uuid.UUID("0b1d6f5a-3f0e-5c86-9d55-6f2b8d0f3c11")


class UpdateKind(StrEnum):
    """Why the agent is told."""

    INITIAL = "initial"  # it registered: everything that matches now
    MATCHED = "matched"  # a value matches that did not before
    UPDATED = "updated"  # a value it knows has a new revision
    RETRACTED = "retracted"  # a value it knows matches no longer
    DELETED = "deleted"  # a value it knows is gone


@dataclass(frozen=True, slots=True)
class Cause:
    """The record that caused an update."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class MatchedNeed:
    """One of the agent's needs and how well the value meets it (cosine of the best chunk)."""

    need: str
    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Item:
    """One value as an agent is told it.

    Attributes:
        data_key: the value's name inside the agent's project.
        revision: the offset of the publication; per key the newest wins.
        needs: the needs it meets, best first; empty when retracted or deleted.
        content: the bytes, or None when by reference, retracted or deleted.
        reference: path of the gateway that answers this very revision, or None.
        tokens: the size of the text in the embedder's tokens.
    """

    data_key: str
    revision: int
    needs: tuple[MatchedNeed, ...] = ()
    content: bytes | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None
    tokens: int = 0

    @property
    def score(self) -> float:
        """The best score over the agent's needs, 0 when none is met."""
        return max((need.score for need in self.needs), default=0.0)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A value that matched but did not fit the token budget of an `initial`."""

    data_key: str
    revision: int
    score: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Update:
    """One message to one agent.

    Attributes:
        update_id: see `update_id`.
        epoch: the registration it answers; an agent ignores older ones, a newer starts it empty.
        items: one for a change, any number for `initial`.
        omitted: the best of what did not fit an `initial`, best first.
        omitted_total: how many did not fit, listed or not.
        caused_at_ms: when the cause was produced, milliseconds since the epoch.
        traceparent: the W3C trace of the cause, passed on in the record's headers.
    """

    update_id: uuid.UUID
    kind: UpdateKind
    agent: AgentKey
    epoch: int
    cause: Cause
    caused_at_ms: int
    items: tuple[Item, ...]
    omitted: tuple[Omitted, ...] = ()
    omitted_total: int = 0
    traceparent: str | None = field(default=None, compare=False)


def update_id(cause: Cause, agent: AgentKey) -> uuid.UUID:
    """Return the id of what `agent` is told because of `cause`: uuid5 over both."""
    return uuid.uuid5(UPDATE_NAMESPACE, f"{cause.topic}/{cause.partition}/{cause.offset}/{agent}")
