"""A log in memory: topics with partitions, holes as compaction leaves them, small spans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contex.log.partitioner import partition_for
from contex.log.reader import Bounds, OffsetGone, Span
from contex.records.message import Message, Receipt, Received

SPAN_RECORDS_MAX = 3


@dataclass
class LogTwin:
    """Reader and producer in one; `now_ms` is the broker's clock."""

    topics: Mapping[str, int]
    now_ms: int = 1_000
    partitions: dict[tuple[str, int], list[Received | None]] = field(default_factory=dict)
    first: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: dict[bytes, Exception] = field(default_factory=dict)

    def append(self, topic: str, message: Message, partition: int | None = None) -> Received:
        """Write a record; the clock goes on."""
        home = partition_for(message.key, self.topics[topic]) if partition is None else partition
        records = self.partitions.setdefault((topic, home), [])
        self.now_ms += 1
        received = Received(
            topic, home, len(records), self.now_ms, message.key, message.value, message.headers
        )
        records.append(received)
        return received

    def drop(self, topic: str, partition: int, offset: int) -> None:
        """Take one record away, as compaction does."""
        self.partitions[topic, partition][offset] = None

    def all(self, topic: str) -> list[Received]:
        """Return what a topic holds, partition by partition."""
        return [
            one
            for partition in range(self.topics[topic])
            for one in self.partitions.get((topic, partition), [])
            if one is not None
        ]

    async def span(self, topic: str, partition: int, start: int, end: int) -> Span:
        records = self.partitions.get((topic, partition), [])
        if not self.first.get((topic, partition), 0) <= start <= len(records):
            raise OffsetGone("gone")
        found: list[Received] = []
        position = start
        while position < min(end, len(records)) and len(found) < SPAN_RECORDS_MAX:
            if (one := records[position]) is not None:
                found.append(one)
            position += 1
        return Span(found, position)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        place = (topic, partition)
        return Bounds(self.first.get(place, 0), len(self.partitions.get(place, [])))

    async def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        records = self.partitions.get((topic, partition), [])
        found = (one.offset for one in records if one is not None and one.timestamp_ms >= time_ms)
        return next(found, len(records))

    async def record_at(self, topic: str, partition: int, offset: int) -> Received | None:
        records = self.partitions.get((topic, partition), [])
        return records[offset] if offset < len(records) else None

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        return {
            one: len(self.partitions.get((topic, one), [])) for one in range(self.topics[topic])
        }

    async def send_each(
        self, topic: str, messages: Sequence[Message]
    ) -> Sequence[Receipt | Exception]:
        return [
            self.refused.get(message.key) or self._receipt(topic, message) for message in messages
        ]

    async def send_all(self, topic: str, messages: Sequence[Message]) -> Sequence[Receipt]:
        return [self._receipt(topic, message) for message in messages]

    def _receipt(self, topic: str, message: Message) -> Receipt:
        written = self.append(topic, message)
        return Receipt(topic, written.partition, written.offset)
