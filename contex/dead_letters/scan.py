"""Reading topics of dead letters, and any other, from one end to the other in bounded memory.

Decides how much is read at once. What was retained no longer when its turn came is passed over.
"""

import heapq
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from contex.dead_letters.letter import Letter, read_letter
from contex.log.reader import Bounds, OffsetGone, Span
from contex.records.message import Received
from contex.records.redriven import Note, read_note

BLOCK_OFFSETS = 500
"""How many offsets are read at once when reading backwards; values are dropped as they come."""

Progress = Callable[[int], None]
"""Told how many more offsets were read."""


class Reader(Protocol):
    """What is needed of the log."""

    async def span(self, topic: str, partition: int, start: int, end: int) -> Span:
        """Return some records from `start`, none at or after `end`."""

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Return what the partition holds now."""

    async def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        """Return the first offset at or after a time, or the end."""

    async def record_at(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return the record that stands exactly there, or None."""

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """Return the offset after the last record, by partition."""


def _no_progress(_offsets: int) -> None:
    """Tell nobody."""


async def forward(
    reader: Reader, topic: str, partition: int, start: int, end: int
) -> AsyncIterator[Span]:
    """Yield what a partition retains of `start` to `end`, in order."""
    position = start
    while position < end:
        try:
            span = await reader.span(topic, partition, position, end)
        except OffsetGone:
            first = (await reader.bounds(topic, partition)).first
            if first <= position:  # beyond the end: the log is shorter than it was
                return
            position = first
            continue
        if span.records or span.next_offset > position:
            yield span
        if span.next_offset <= position:
            return
        position = span.next_offset


async def first_offset(reader: Reader, topic: str, partition: int, since_ms: int | None) -> int:
    """Return where to begin to read a partition."""
    if since_ms is not None:
        return await reader.offset_at(topic, partition, since_ms)
    return (await reader.bounds(topic, partition)).first


async def oldest_first(
    reader: Reader,
    topic: str,
    *,
    since_ms: int | None = None,
    progress: Progress = _no_progress,
) -> AsyncIterator[Letter | Note]:
    """Yield all letters and notes of a topic, partition by partition, each in order."""
    for partition, end in sorted((await reader.end_offsets(topic)).items()):
        position = await first_offset(reader, topic, partition, since_ms)
        async for span in forward(reader, topic, partition, position, end):
            for received in span.records:
                yield letter_or_note(received)
            progress(span.next_offset - position)
            position = span.next_offset


async def newest_first(
    reader: Reader,
    topics: Sequence[str],
    *,
    since_ms: int | None = None,
    progress: Progress = _no_progress,
) -> AsyncIterator[Letter | Note]:
    """Yield letters and notes of topics by the broker's time, newest first.

    A note comes before the letter that it is about.
    """
    heap: list[tuple[tuple[int, int, str, int, int], Letter | Note, _Backwards]] = []
    for topic in topics:
        for partition, end in sorted((await reader.end_offsets(topic)).items()):
            first = await first_offset(reader, topic, partition, since_ms)
            backwards = _Backwards(reader, topic, partition, first, end, progress)
            await _push(heap, backwards)
    while heap:
        _, one, backwards = heapq.heappop(heap)
        yield one
        await _push(heap, backwards)


def letter_or_note(received: Received) -> Letter | Note:
    """Read a record of a dead-letter topic."""
    return read_note(received.headers) or read_letter(received)


class _Backwards:
    """One partition, from its end to its beginning, a block at a time."""

    def __init__(
        self, reader: Reader, topic: str, partition: int, first: int, end: int, progress: Progress
    ) -> None:
        self._reader = reader
        self.topic = topic
        self.partition = partition
        self._first = first
        self._end = end
        self._progress = progress
        self._block: list[tuple[int, int, Letter | Note]] = []

    async def take(self) -> tuple[int, int, Letter | Note] | None:
        """Return the next one with its offset and time; None when the beginning is reached."""
        while not self._block and self._end > self._first:
            start = max(self._first, self._end - BLOCK_OFFSETS)
            async for span in forward(self._reader, self.topic, self.partition, start, self._end):
                self._block += [
                    (one.offset, one.timestamp_ms, letter_or_note(one)) for one in span.records
                ]
            self._progress(self._end - start)
            self._end = start
        return self._block.pop() if self._block else None


async def _push(
    heap: list[tuple[tuple[int, int, str, int, int], Letter | Note, _Backwards]],
    backwards: _Backwards,
) -> None:
    taken = await backwards.take()
    if taken is not None:
        offset, at_ms, one = taken
        order = (
            -at_ms,
            0 if isinstance(one, Note) else 1,
            backwards.topic,
            backwards.partition,
            -offset,
        )
        heapq.heappush(heap, (order, one, backwards))
