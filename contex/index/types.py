"""What the index holds, as plain types.

Per value: its chunk points and one head. Per agent: its need points and one head. A chunk counts
only if its revision is its value's head, a need only if its epoch is its agent's head.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contex.embedding.port import Vectors
from contex.index.lexical import Terms
from contex.records.meeting import ExclusionPlace
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need


@dataclass(frozen=True, slots=True)
class ValueHead:
    """Which revision of a value counts.

    Attributes:
        content_hash: hash of that revision; empty for a deletion.
        complete: every agent has been told and older chunks are gone.
        deleted: the value ended with this revision.
        tokens: size of the value's text in the embedder's tokens.
        stored: the newest record with this very content, when it was published again unchanged;
            the log may have compacted away the revision's own. -1: the revision's own.
        told: once complete, how many agents were told of this revision, by the update's kind.
    """

    revision: int
    content_hash: str
    complete: bool = False
    deleted: bool = False
    tokens: int = 0
    stored: int = -1
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def readable(self) -> int:
        """The offset at which the log holds this content for ever, or until it changes."""
        return max(self.revision, self.stored)


@dataclass(frozen=True, slots=True)
class AgentHead:
    """Which registration of an agent counts."""

    epoch: int
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """What is kept of every revision, however large: what lists show and filters judge."""

    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    published_at_ms: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ValueChunks:
    """The chunks of one revision, and the value itself where it travels inside updates.

    Attributes:
        vectors: shape (chunks, dimensions), at least one row.
        value: kept beside the first chunk; None when it is too large to travel inside.
        info: kept beside the first chunk.
        terms: the words of each chunk, as many as there are vectors, or none at all.
    """

    key: ValueKey
    revision: int
    vectors: Vectors
    value: Value | None
    info: ValueInfo = field(default_factory=ValueInfo)
    terms: tuple[Terms, ...] = ()


@dataclass(frozen=True, slots=True)
class OlderChunks:
    """What is still present of an older revision of a value."""

    revision: int
    vectors: Vectors
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentNeeds:
    """The needs of one epoch.

    `vectors` has a row per text of `meeting.texts`: the needs, then their exclusions' readings.
    """

    key: AgentKey
    epoch: int
    needs: tuple[Need, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class NeedSearch:
    """Which needs, or which exclusions, of `scope` does any of these chunk vectors reach?"""

    scope: Scope
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class NeedHit:
    """A need that is reached; `score` is the best chunk's cosine, at least the need's threshold."""

    agent: AgentKey
    epoch: int
    ordinal: int
    need: Need
    score: float


@dataclass(frozen=True, slots=True)
class ExclusionHit:
    """A reading of an exclusion that is reached; `score` is the best chunk's cosine."""

    agent: AgentKey
    epoch: int
    place: ExclusionPlace
    score: float


@dataclass(frozen=True, slots=True)
class ValueSearch:
    """Which values of `scope` reach any of these needs? A row of `vectors` per need."""

    scope: Scope
    needs: tuple[Need, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class ValueHit:
    """A value that reaches needs; `scores` maps the need's ordinal to its best chunk's cosine."""

    key: ValueKey
    revision: int
    scores: Mapping[int, float] = field(default_factory=dict)
