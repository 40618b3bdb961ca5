"""The producer on a real broker: placement, acknowledgement, limits, back-pressure, stopping."""

import asyncio
import logging
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from contex.errors import DependencyAway, LimitExceeded
from contex.log import producer as module
from contex.log import producing, warming
from contex.log.admin import Cluster, TopicState
from contex.log.failures import LogMisuse
from contex.log.partitioner import partition_for
from contex.log.producer import Producer
from contex.log.producing import OVERHEAD_BYTES_MAX, RECORD_BYTES_MAX
from contex.log.reader import Reader
from contex.records.message import Message, Receipt

CLIENT_LOG = f"{module.__name__}.client"
PARTITIONS = 12
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def topic(bootstrap: str) -> str:
    name = f"producer-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(name, PARTITIONS, 1, {"max.message.bytes": "9000000"})])
    return name


@pytest.fixture
async def producer(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def reader(bootstrap: str) -> AsyncIterator[Reader]:
    reader = Reader(bootstrap)
    yield reader
    await reader.stop()


async def test_the_broker_has_each_key_where_murmur2_says(topic: str, producer: Producer) -> None:
    keys = [f"tenant/project/{number}/{'x' * (number % 7)}".encode() for number in range(200)]
    receipts = await producer.send_all(topic, [Message(key, b"v") for key in keys])
    assert [receipt.partition for receipt in receipts] == [
        partition_for(key, PARTITIONS) for key in keys
    ]


async def test_a_record_stands_where_its_receipt_says(
    topic: str, producer: Producer, reader: Reader
) -> None:
    sent = Message(b"t/p/k", b"\x00value", (("ce_id", b"1"), ("ce_id", b"2"), ("empty", b"")))
    first = await producer.send(topic, sent)
    second = await producer.send(topic, Message(b"t/p/k", None))
    assert second == Receipt(topic, first.partition, first.offset + 1)
    found = await reader.record_at(topic, first.partition, first.offset)
    assert found is not None
    assert (found.key, found.value, found.headers) == (sent.key, sent.value, sent.headers)
    tombstone = await reader.record_at(topic, second.partition, second.offset)
    assert tombstone is not None
    assert tombstone.value is None


async def test_a_started_producer_is_warm(
    bootstrap: str,
    topic: str,
    caplog: pytest.LogCaptureFixture,
    figure: Callable[[str], None],
) -> None:
    # Cold, the first send takes 500 ms or more: the client's own timer for the producer id.
    took_s = []
    for _ in range(5):
        caplog.clear()
        producer = Producer(bootstrap)
        with caplog.at_level(logging.DEBUG, logger=CLIENT_LOG):
            await producer.start()
        assert "Acquired PID" in caplog.text, "expected a producer id before start returns"
        started = time.perf_counter()
        await producer.send(topic, Message(b"k", b"v"))
        took_s.append(time.perf_counter() - started)
        await producer.stop()
    figure(f"first send after {statistics.median(took_s) * 1000:.1f} ms")


async def test_warming_up_writes_no_record(bootstrap: str, topic: str) -> None:
    producer = Producer(bootstrap)
    await producer.start()
    await producer.stop()
    ends = await asyncio.to_thread(Cluster(bootstrap).end_offsets, topic)
    assert ends == dict.fromkeys(range(PARTITIONS), 0)


async def test_8_mib_are_accepted_and_more_is_refused_at_once(
    topic: str, producer: Producer
) -> None:
    largest = Message(b"k", b"x" * RECORD_BYTES_MAX, (("ce_id", b"y" * 64),))
    receipt = await producer.send(topic, largest)
    assert receipt.offset == 0
    with pytest.raises(LimitExceeded):
        await producer.send(topic, Message(b"k", b"x" * (RECORD_BYTES_MAX + OVERHEAD_BYTES_MAX)))


async def test_what_the_topic_finds_too_large_is_the_callers_fault(
    bootstrap: str, producer: Producer
) -> None:
    name = f"small-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(name, 1, 1, {"max.message.bytes": "1000"})])
    with pytest.raises(LimitExceeded):
        await producer.send(name, Message(b"k", b"x" * 2_000))
    assert (await producer.send(name, Message(b"k", b"x"))).offset == 0


async def test_the_rest_of_a_flight_lands_when_one_is_refused(
    topic: str, producer: Producer, bootstrap: str
) -> None:
    flight = [Message(b"k", b"v") for _ in range(20)]
    flight[3] = Message(b"k", b"x" * (RECORD_BYTES_MAX + OVERHEAD_BYTES_MAX))
    with pytest.raises(LimitExceeded):
        await producer.send_all(topic, flight)
    ends = await asyncio.to_thread(Cluster(bootstrap).end_offsets, topic)
    assert sum(ends.values()) == 19


async def test_each_of_a_flight_is_answered_for_itself_in_its_order(
    bootstrap: str, producer: Producer
) -> None:
    name = f"small-{uuid.uuid4().hex}"
    Cluster(bootstrap).create([TopicState(name, 1, 1, {"max.message.bytes": "2000000"})])
    client_refuses = b"x" * (RECORD_BYTES_MAX + OVERHEAD_BYTES_MAX)
    broker_refuses = b"x" * 3_000_000
    flight = [Message(b"k", b"v") for _ in range(20)]
    flight[3] = Message(b"k", client_refuses)
    flight[7] = Message(b"k", broker_refuses)

    outcomes = await producer.send_each(name, flight)

    refused = {n for n, one in enumerate(outcomes) if isinstance(one, LimitExceeded)}
    offsets = [one.offset for one in outcomes if isinstance(one, Receipt)]
    assert refused == {3, 7}, f"expected the two that are too large, got {outcomes}"
    assert offsets == list(range(18)), f"expected the others in their order, got {offsets}"


async def test_each_of_a_flight_is_told_that_the_producer_is_away(bootstrap: str) -> None:
    never_started = Producer(bootstrap)
    outcomes = await never_started.send_each("t", [Message(b"k", b"v")] * 2)
    assert [type(one) for one in outcomes] == [DependencyAway] * 2


async def test_a_missing_topic_is_a_bug_and_says_so(
    bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producing, "TOPIC_MISSING_TIMEOUT_S", 0.5)
    impatient = Producer(bootstrap)
    await impatient.start()
    with pytest.raises(LogMisuse, match="were the topics applied"):
        await impatient.send("no-such-topic", Message(b"k", b"v"))
    await impatient.stop()


async def test_a_full_queue_is_waited_for(
    topic: str, bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producing, "QUEUE_MESSAGES_MAX", 10)
    producer = Producer(bootstrap)
    await producer.start()
    flight = [Message(f"{number}".encode(), b"v") for number in range(500)]
    halves = await asyncio.gather(
        producer.send_all(topic, flight[:250]), producer.send_all(topic, flight[250:])
    )
    places = {(receipt.partition, receipt.offset) for half in halves for receipt in half}
    assert len(places) == 500
    await producer.stop()


async def test_a_cancelled_caller_disturbs_nobody(topic: str, producer: Producer) -> None:
    sending = asyncio.create_task(producer.send(topic, Message(b"k", b"v")))
    await asyncio.sleep(0)
    sending.cancel()
    assert isinstance(await producer.send(topic, Message(b"k", b"v")), Receipt)
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_stopping_answers_every_send(topic: str, bootstrap: str) -> None:
    producer = Producer(bootstrap, linger_ms=20)
    await producer.start()
    sending = [
        asyncio.create_task(producer.send(topic, Message(f"{number}".encode(), b"v")))
        for number in range(100)
    ]
    await asyncio.sleep(0)
    await producer.stop()
    receipts = await asyncio.gather(*sending)
    assert len({(receipt.partition, receipt.offset) for receipt in receipts}) == 100
    with pytest.raises(DependencyAway, match="not running"):
        await producer.send(topic, Message(b"k", b"v"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_polling_thread_that_dies_leaves_nobody_waiting(
    topic: str, bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_poller: object) -> None:
        raise ZeroDivisionError

    producer = Producer(bootstrap)
    await producer.start()
    monkeypatch.setattr(module._Poller, "_post", die)
    with pytest.raises(DependencyAway, match="ended"):
        await asyncio.wait_for(producer.send(topic, Message(b"k", b"v")), 10)
    assert producer.fatal_error == "its polling thread ended"
    with pytest.raises(DependencyAway, match="polling thread"):
        await producer.send(topic, Message(b"k", b"v"))
    await producer.stop()


async def test_no_broker_at_start_is_a_dependency_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "WARM_UP_TIMEOUT_S", 0.5)
    with pytest.raises(DependencyAway, match="warming up"):
        await Producer(NOWHERE).start()
