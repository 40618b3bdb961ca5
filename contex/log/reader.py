"""Bounded reads at any place of the log: this very record, some records, how far a partition goes.

Decides fetch sizes and time limits so that one small read is quick (0.5 ms once warm). Keeps no
position between calls and commits nothing. Blocking calls run in threads of its own, as many as it
has consumers.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from contex.errors import CallerError, DependencyAway
from contex.log.admin import Cluster
from contex.log.consumption import consumer, received
from contex.log.failures import ELECTING, PASSING, failure
from contex.log.offsets import SETTLE_STEP_S
from contex.records.message import Received

READ_TIMEOUT_S = 5.0
CONSUMERS_MAX = 4
SPAN_RECORDS_MAX = 500
SPAN_BYTES_MAX = 8 * 1024 * 1024
"""A span ends with the record that passes this; the largest record alone always fits."""
FETCH_BYTES_MAX = 256 * 1024
FETCH_WAIT_MS_MAX = 10

_END = -1
_T = TypeVar("_T")
_Read = Callable[[Consumer, float], _T]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds: the first offset retained, and the next to be written."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """Records read, and the offset to read on from (compaction and markers leave gaps)."""

    records: Sequence[Received]
    next_offset: int


class OffsetGone(CallerError):
    """The log no longer holds the offset from which to read on, or never did."""


class Reader:
    """Reads anywhere. Safe to share between tasks of one event loop.

    Args:
        bootstrap: `host:port`, comma separated.
        consumers_max: how many reads may run at once; further ones wait within their time limit.
    """

    def __init__(self, bootstrap: str, *, consumers_max: int = CONSUMERS_MAX) -> None:
        self._bootstrap = bootstrap
        self._cluster = Cluster(bootstrap)
        self._idle: SimpleQueue[Consumer] = SimpleQueue()
        self._threads = ThreadPoolExecutor(consumers_max, thread_name_prefix="contex-reader")

    async def record_at(
        self, topic: str, partition: int, offset: int, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Received | None:
        """Return the record that stands exactly there; None if it is compacted away or not yet.

        Raises:
            DependencyAway: no answer in `timeout_s`.
        """
        try:
            span = await self.span(topic, partition, offset, offset + 1, timeout_s=timeout_s)
        except OffsetGone:
            return None
        return span.records[0] if span.records else None

    async def span(
        self, topic: str, partition: int, start: int, end: int, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Span:
        """Return some records from `start`, none at or after `end`; at least one if there is one.

        Raises:
            DependencyAway: no answer in `timeout_s`.
            OffsetGone: `start` lies before or beyond what the partition holds.
        """
        if start >= end:
            return Span((), start)
        return await self._run(
            f"reading {topic}/{partition}@{start}",
            TopicPartition(topic, partition),
            timeout_s,
            lambda client, deadline: _read(client, (topic, partition, start, end), deadline),
        )

    async def bounds(
        self, topic: str, partition: int, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Bounds:
        """Return what the partition holds now.

        Raises:
            DependencyAway: no answer in `timeout_s`.
        """
        return await self._run(
            f"measuring {topic}/{partition}",
            TopicPartition(topic, partition),
            timeout_s,
            lambda client, deadline: _bounds(client, TopicPartition(topic, partition), deadline),
        )

    async def offset_at(
        self, topic: str, partition: int, time_ms: int, *, timeout_s: float = READ_TIMEOUT_S
    ) -> int:
        """Return the first offset whose timestamp is at or after `time_ms`, or the end.

        Raises:
            DependencyAway: no answer in `timeout_s`.
        """

        def find(client: Consumer, deadline: float) -> int:
            # The end is read first: what is appended between the two questions must be found.
            end = _bounds(client, TopicPartition(topic, partition), deadline).end
            asked = TopicPartition(topic, partition, time_ms)
            (found,) = client.offsets_for_times([asked], timeout=_left(deadline))
            if found.error is not None:
                raise KafkaException(found.error)
            return end if found.offset == _END else int(found.offset)

        place = TopicPartition(topic, partition)
        return await self._run(f"finding a time in {topic}/{partition}", place, timeout_s, find)

    async def end_offsets(self, topic: str, *, timeout_s: float = READ_TIMEOUT_S) -> dict[int, int]:
        """Return the offset after the last record, by partition.

        Raises:
            DependencyAway: no answer in `timeout_s`.
        """
        return await self._bounded(
            f"measuring {topic}",
            timeout_s,
            lambda deadline: self._cluster.end_offsets(topic, timeout_s=_left(deadline)),
        )

    async def stop(self) -> None:
        """Await running reads, each bounded by its own time limit, and disconnect."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        while True:
            try:
                client = self._idle.get_nowait()
            except Empty:
                return
            await asyncio.to_thread(client.close)

    async def _run(self, what: str, place: TopicPartition, timeout_s: float, read: _Read[_T]) -> _T:
        """Run `read`, of `place`, with a consumer of the pool."""
        try:
            return await self._bounded(what, timeout_s, partial(self._lend, read, place))
        except KafkaException as error:
            raise failure(error.args[0], what) from error

    async def _bounded(self, what: str, timeout_s: float, call: Callable[[float], _T]) -> _T:
        """Run `call`, which is told its deadline, in a thread; the wait for a free one counts.

        In an outage every thread is held for long. A call that is given up before it began never
        runs, so that those who gave up do not keep the threads from those who still wait.
        """
        deadline = time.monotonic() + timeout_s
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                return await loop.run_in_executor(self._threads, call, deadline)
        except TimeoutError as error:
            raise DependencyAway(f"{what}: no answer in {timeout_s} s") from error

    def _lend(self, read: _Read[_T], place: TopicPartition, deadline: float) -> _T:
        try:
            client = self._idle.get_nowait()
        except Empty:
            client = self._connect()
        try:
            result = _confirmed(client, partial(_led, read), place, deadline)
        except OffsetGone:
            self._idle.put(client)
            raise
        except BaseException:
            client.close()  # its state is unknown: the next read starts with a fresh one
            raise
        self._idle.put(client)
        return result

    def _connect(self) -> Consumer:
        return consumer(
            self._bootstrap,
            auto_offset_reset="error",
            fetch_wait_max_ms=FETCH_WAIT_MS_MAX,
            fetch_queue_backoff_ms=FETCH_WAIT_MS_MAX,
            fetch_message_max_bytes=FETCH_BYTES_MAX,
            queued_min_messages=1,
        )


def _led(read: _Read[_T], client: Consumer, deadline: float) -> _T:
    """Run `read`, and again while the partition's leader is not there yet."""
    while True:
        try:
            return read(client, deadline)
        except KafkaException as error:
            if error.args[0].code() not in ELECTING or time.monotonic() >= deadline:
                raise
        time.sleep(SETTLE_STEP_S)


def _confirmed(client: Consumer, read: _Read[_T], place: TopicPartition, deadline: float) -> _T:
    """Run `read`; that `place` is unknown counts only as the cluster's own word.

    The client says it out of its memory, which the loss of its connections empties, and which the
    cluster's answer restores.
    """
    try:
        return read(client, deadline)
    except KafkaException as error:
        if not _unknown(error) or not _exists(client, place, deadline):
            raise
    try:
        return read(client, deadline)
    except KafkaException as error:
        if _unknown(error):
            raise DependencyAway(f"{place.topic}/{place.partition} is out of sight") from error
        raise


def _unknown(error: KafkaException) -> bool:
    unknown: int = KafkaError._UNKNOWN_PARTITION  # noqa: SLF001 - the client's public spelling
    return bool(error.args[0].code() == unknown)


def _exists(client: Consumer, place: TopicPartition, deadline: float) -> bool:
    topic = client.list_topics(place.topic, timeout=_left(deadline)).topics[place.topic]
    if topic.error is not None:
        raise KafkaException(topic.error)
    return bool(place.partition in topic.partitions)


def _read(client: Consumer, place: tuple[str, int, int, int], deadline: float) -> Span:
    topic, partition, start, end = place
    client.assign([TopicPartition(topic, partition, start)])
    try:
        return _collect(client, start, end, deadline)
    finally:
        client.unassign()


def _collect(client: Consumer, start: int, end: int, deadline: float) -> Span:
    records: list[Received] = []
    size_bytes = 0
    position = start
    while position < end and len(records) < SPAN_RECORDS_MAX and size_bytes < SPAN_BYTES_MAX:
        message = client.poll(_left(deadline))
        if message is None:
            raise TimeoutError
        error = message.error()
        if error is None:
            if message.offset() >= end:  # what stood between was compacted away
                return Span(records, end)
            records.append(received(message))
            size_bytes += len(message)
            position = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's spelling
            return Span(records, max(position, message.offset()))
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the client's spelling
            raise OffsetGone(error.str())
        elif error.code() not in PASSING:
            raise KafkaException(error)
    return Span(records, position)


def _bounds(client: Consumer, place: TopicPartition, deadline: float) -> Bounds:
    found = client.get_watermark_offsets(place, timeout=_left(deadline))
    if found is None:
        raise TimeoutError
    return Bounds(*found)


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
