"""Publications: one version of one value, or its deletion.

A publication's revision is its Kafka offset; it is known only once the log has it, so it is an
attribute of what was read, not of what is sent.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from contex.errors import LimitExceeded
from contex.records.names import ValueKey

VALUE_BYTES_MAX = 900_000
INLINE_BYTES_MAX = 64 * 1024
"""Values up to this size travel inside updates; larger ones by reference."""


@dataclass(frozen=True, slots=True)
class Value:
    """The bytes of a value and what they are.

    Attributes:
        content: the value as it was sent.
        content_type: a media type, or None when it is to be detected.
        metadata: the producer's own labels.
    """

    content: bytes
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything an agent would see: equal hash, nothing new to tell."""
        digest = hashlib.sha256()
        parts = [(self.content_type or "").encode()]
        for name, label in sorted(self.metadata.items()):
            parts += [name.encode(), label.encode()]
        for part in [*parts, self.content]:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Publication:
    """A new version of a value.

    Attributes:
        key: whose value it is.
        value: the new value, whole.
        event_id: the CloudEvents id; the same on a repeat of the same publish.
        event_type: the producer's own word for what happened, or None.
        published_at_ms: the producer's clock, milliseconds since the epoch.
    """

    key: ValueKey
    value: Value
    event_id: str
    published_at_ms: int
    event_type: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """The end of a value: a tombstone with CloudEvents headers."""

    key: ValueKey
    event_id: str
    published_at_ms: int


def check_size(size_bytes: int) -> None:
    """Refuse a value that is too large to travel in one record.

    Raises:
        LimitExceeded: naming the limit and the size.
    """
    if size_bytes > VALUE_BYTES_MAX:
        raise LimitExceeded(
            f"data may have at most {VALUE_BYTES_MAX:,} bytes, got {size_bytes:,}: "
            "publish its parts under several data keys",
            field="data",
        )
