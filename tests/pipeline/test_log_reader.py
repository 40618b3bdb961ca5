"""Bounded reads at any place of a real log."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from contex.errors import DependencyAway
from contex.log import reader as module
from contex.log.admin import Cluster, TopicState
from contex.log.failures import LogMisuse
from contex.log.producer import Producer
from contex.log.reader import Bounds, OffsetGone, Reader, Span
from contex.records.message import Message

RECORDS = 50
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def reader(bootstrap: str) -> AsyncIterator[Reader]:
    reader = Reader(bootstrap)
    yield reader
    await reader.stop()


@pytest.fixture
async def topic(bootstrap: str) -> str:
    """One partition with records 0 to 49, each holding its own offset."""
    name = f"reader-{uuid.uuid4().hex}"
    config = {"message.timestamp.type": "LogAppendTime"}
    Cluster(bootstrap).create([TopicState(name, 1, 1, config)])
    producer = Producer(bootstrap)
    await producer.start()
    await producer.send_all(name, [Message(b"k", b"%d" % number) for number in range(RECORDS)])
    await producer.stop()
    return name


async def test_any_record_is_found_in_any_order(topic: str, reader: Reader) -> None:
    for offset in (49, 0, 17, 18, 16):
        found = await reader.record_at(topic, 0, offset)
        assert found is not None
        assert (found.offset, found.value) == (offset, b"%d" % offset)
        assert found.timestamp_ms > 0


async def test_a_record_that_is_not_yet_is_none(topic: str, reader: Reader) -> None:
    assert await reader.record_at(topic, 0, RECORDS) is None
    assert await reader.record_at(topic, 0, RECORDS + 1_000) is None


async def test_a_span_stops_before_its_end_and_at_the_partitions(
    topic: str, reader: Reader
) -> None:
    span = await reader.span(topic, 0, 10, 14)
    assert [record.offset for record in span.records] == [10, 11, 12, 13]
    assert span.next_offset == 14
    span = await reader.span(topic, 0, 47, 1_000)
    assert [record.offset for record in span.records] == [47, 48, 49]
    assert span.next_offset == RECORDS
    assert await reader.span(topic, 0, RECORDS, 1_000) == Span([], RECORDS)
    assert await reader.span(topic, 0, 5, 5) == Span((), 5)


async def test_a_span_is_bounded_by_records_and_by_bytes(
    topic: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPAN_RECORDS_MAX", 7)
    assert (await reader.span(topic, 0, 0, RECORDS)).next_offset == 7
    monkeypatch.setattr(module, "SPAN_BYTES_MAX", 1)
    assert (await reader.span(topic, 0, 0, RECORDS)).next_offset == 1


async def test_an_offset_that_never_was_is_gone(topic: str, reader: Reader) -> None:
    with pytest.raises(OffsetGone):
        await reader.span(topic, 0, RECORDS + 5, RECORDS + 10)


async def test_bounds_and_times(topic: str, reader: Reader) -> None:
    assert await reader.bounds(topic, 0) == Bounds(0, RECORDS)
    assert await reader.end_offsets(topic) == {0: RECORDS}
    assert await reader.offset_at(topic, 0, 0) == 0
    assert await reader.offset_at(topic, 0, int(time.time() * 1000) + 60_000) == RECORDS
    last = await reader.record_at(topic, 0, RECORDS - 1)
    assert last is not None
    assert await reader.offset_at(topic, 0, last.timestamp_ms + 1) == RECORDS
    assert await reader.offset_at(topic, 0, last.timestamp_ms) < RECORDS


async def test_more_readers_than_consumers_all_get_their_record(topic: str, reader: Reader) -> None:
    found = await asyncio.gather(
        *(reader.record_at(topic, 0, number % RECORDS) for number in range(200))
    )
    assert [record.offset for record in found if record is not None] == [
        number % RECORDS for number in range(200)
    ]


async def test_compacted_records_are_none_and_spans_step_over_them(
    bootstrap: str, reader: Reader
) -> None:
    name = f"compacted-{uuid.uuid4().hex}"
    config = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.001",
        "max.compaction.lag.ms": "100",
    }
    Cluster(bootstrap).create([TopicState(name, 1, 1, config)])
    producer = Producer(bootstrap)
    await producer.start()
    for number in range(5):
        await producer.send(name, Message(b"k", b"%d" % number))
    deadline = time.monotonic() + 60
    sent = 5
    while await reader.record_at(name, 0, 0) is not None:
        assert time.monotonic() < deadline, "expected offset 0 to be compacted away within 60 s"
        await asyncio.sleep(0.2)
        await producer.send(name, Message(b"roll", b"the segment"))
        sent += 1
    await producer.stop()
    span = await reader.span(name, 0, 0, sent)
    assert span.records[0].offset > 0
    assert await reader.record_at(name, 0, span.records[0].offset) is not None
    assert (await reader.span(name, 0, 0, 1)) == Span([], 1)


async def test_deleted_records_are_gone(bootstrap: str, topic: str, reader: Reader) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.delete_records([TopicPartition(topic, 0, 20)]).values():
        answer.result(10)
    assert await reader.bounds(topic, 0) == Bounds(20, RECORDS)
    assert await reader.record_at(topic, 0, 19) is None
    assert (await reader.span(topic, 0, 20, 21)).records[0].offset == 20
    with pytest.raises(OffsetGone):
        await reader.span(topic, 0, 3, 30)


async def test_no_broker_is_a_dependency_away_within_the_time_limit() -> None:
    reader = Reader(NOWHERE)
    started = time.monotonic()
    with pytest.raises(DependencyAway):
        await reader.record_at("t", 0, 0, timeout_s=0.5)
    with pytest.raises(DependencyAway):
        await reader.bounds("t", 0, timeout_s=0.5)
    with pytest.raises(DependencyAway):
        await reader.offset_at("t", 0, 0, timeout_s=0.5)
    assert time.monotonic() - started < 20
    await reader.stop()


async def test_a_missing_topic_is_a_bug_and_says_so(reader: Reader) -> None:
    with pytest.raises(LogMisuse, match="were the topics applied"):
        await reader.bounds("no-such-topic", 0)
    with pytest.raises(LogMisuse):
        await reader.end_offsets("no-such-topic")
