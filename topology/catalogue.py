"""The catalogue: every topic there is, what it carries, how it is kept and who owns it.

Decides all that a cluster must know of a topic, in one list from which provisioning, diagrams and
documentation are made. Never talks to a cluster.

Rules of the file. Topics with the same kind of key have the same number of partitions, so that one
worker owns a key wherever it appears. The broker's clock stamps every record: retention, compaction
lag and the lanes' due times then depend on no producer's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from contex.records import topics

SECOND_MS = 1_000
MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_MS = 24 * HOUR_S * SECOND_MS
KIB = 1024
MIB = 1024 * KIB

PARTITIONS = 12
"""Divides by 2, 3, 4 and 6 workers. Fixed for ever: another count would move keys."""
DEAD_LETTER_PARTITIONS = 3

OVERHEAD_BYTES_MAX = 64 * KIB
"""Room for keys and headers beside a value."""
PUBLICATION_BYTES_MAX = MIB + OVERHEAD_BYTES_MAX
UPDATE_BYTES_MAX = 8 * MIB + OVERHEAD_BYTES_MAX
TIME_TRAVEL_MS = 30 * DAY_MS
TOMBSTONE_MS = 30 * DAY_MS
"""A worker away for less than this still learns of every deletion."""
FEED_MS = 7 * DAY_MS
ATTEMPTS_MS = 14 * DAY_MS
DEAD_LETTERS_MS = 30 * DAY_MS


class Key(StrEnum):
    """What a topic's records are keyed by."""

    VALUE = "tenant/project/data_key"
    AGENT = "tenant/project/agent_id"
    ORIGINAL = "the original record's"  # read one by one: nothing relies on where a key stands


class Cleanup(StrEnum):
    """How a topic forgets."""

    COMPACT = "compact"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        schema: the record in `schemas/`, or None for raw bytes.
        config: what is set on the topic beside its cleanup; `min.insync.replicas` is set by the
            plan, which knows how many replicas there are.
        owner: the stage that answers for the topic.
        doc: what it carries.
        delay_s: for a retry lane, how long a record waits in it.
    """

    name: str
    key: Key
    schema: str | None
    partitions: int
    cleanup: Cleanup
    config: Mapping[str, str] = field(hash=False)
    owner: str
    doc: str
    delay_s: int | None = None

    @property
    def keyed(self) -> bool:
        """Whether order by key is relied on: then the number of partitions never changes."""
        return self.key is not Key.ORIGINAL

    @property
    def retention_ms(self) -> int | None:
        """How long a record is kept, or None where the newest of each key is kept for ever."""
        kept = self.config.get("retention.ms")
        return None if kept is None else int(kept)


def _config(**settings: int | str) -> Mapping[str, str]:
    named = {name.replace("_", "."): str(value) for name, value in settings.items()}
    return MappingProxyType({"message.timestamp.type": "LogAppendTime", **named})


def _deleted_after(retention_ms: int, bytes_max: int) -> Mapping[str, str]:
    return _config(
        cleanup_policy=Cleanup.DELETE,
        retention_ms=retention_ms,
        retention_bytes=-1,
        # A segment is dropped whole, when its newest record is due: daily ones are due in time.
        segment_ms=DAY_MS,
        max_message_bytes=bytes_max,
    )


def _compacted(min_lag_ms: int, bytes_max: int) -> Mapping[str, str]:
    return _config(
        cleanup_policy=Cleanup.COMPACT,
        min_compaction_lag_ms=min_lag_ms,
        delete_retention_ms=TOMBSTONE_MS,
        max_message_bytes=bytes_max,
    )


PUBLICATIONS = Topic(
    name=topics.PUBLICATIONS,
    key=Key.VALUE,
    schema="publication",
    partitions=PARTITIONS,
    cleanup=Cleanup.COMPACT,
    config=_compacted(TIME_TRAVEL_MS, PUBLICATION_BYTES_MAX),
    owner="gateway",
    doc="Versions of values: every one inside the time-travel window, then the newest for ever. "
    "A null record deletes the value.",
)

REGISTRATIONS = Topic(
    name=topics.REGISTRATIONS,
    key=Key.AGENT,
    schema="registration",
    partitions=PARTITIONS,
    cleanup=Cleanup.COMPACT,
    config=_compacted(0, PUBLICATION_BYTES_MAX),
    owner="gateway",
    doc="What agents need and how they are told. A null record means that the agent left.",
)

UPDATES = Topic(
    name=topics.UPDATES,
    key=Key.AGENT,
    schema="update",
    partitions=PARTITIONS,
    cleanup=Cleanup.DELETE,
    config=_deleted_after(FEED_MS, UPDATE_BYTES_MAX),
    owner="routing",
    doc="Every agent's feed: what it is told because of one cause.",
)


def _lane(label: str, delay_s: int) -> Topic:
    return Topic(
        name=f"contex.webhooks.retry.{label}",
        key=Key.AGENT,
        schema="update",
        partitions=PARTITIONS,
        cleanup=Cleanup.DELETE,
        config=_deleted_after(2 * delay_s * SECOND_MS + FEED_MS, UPDATE_BYTES_MAX),
        owner="webhooks",
        doc=f"Updates whose delivery failed and is tried again after {label}.",
        delay_s=delay_s,
    )


RETRY_LANES = (
    _lane("5s", 5),
    _lane("1m", MINUTE_S),
    _lane("10m", 10 * MINUTE_S),
    _lane("1h", HOUR_S),
    _lane("6h", 6 * HOUR_S),
)

ATTEMPTS = Topic(
    name="contex.webhooks.attempts",
    key=Key.AGENT,
    schema="attempt",
    partitions=PARTITIONS,
    cleanup=Cleanup.DELETE,
    config=_deleted_after(ATTEMPTS_MS, MIB),
    owner="webhooks",
    doc="Every try to deliver an update: status, latency, excerpt of the answer, whose fault.",
)


def _dead_letter(stage: str, bytes_max: int) -> Topic:
    return Topic(
        name=f"contex.{stage}.dead-letter",
        key=Key.ORIGINAL,
        schema=None,
        partitions=DEAD_LETTER_PARTITIONS,
        cleanup=Cleanup.DELETE,
        config=_deleted_after(DEAD_LETTERS_MS, bytes_max + OVERHEAD_BYTES_MAX),
        owner=stage,
        doc=f"Records that {stage} gave up, byte for byte, with headers that say why.",
    )


ROUTING_DEAD_LETTER = _dead_letter("routing", PUBLICATION_BYTES_MAX)
WEBHOOKS_DEAD_LETTER = _dead_letter("webhooks", UPDATE_BYTES_MAX)

TOPICS = (
    PUBLICATIONS,
    REGISTRATIONS,
    UPDATES,
    *RETRY_LANES,
    ATTEMPTS,
    ROUTING_DEAD_LETTER,
    WEBHOOKS_DEAD_LETTER,
)
