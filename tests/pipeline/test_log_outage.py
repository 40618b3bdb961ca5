"""A broker that is killed and comes back: what was acknowledged stands, and every send is answered.

Each test owns its broker.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import running_broker

from contex.errors import DependencyAway
from contex.local.kafka import Broker
from contex.log import producer as module
from contex.log import producing
from contex.log.admin import Cluster, TopicState
from contex.log.producer import Producer
from contex.log.producing import DELIVERY_TIMEOUT_S
from contex.log.reader import CONSUMERS_MAX, READ_TIMEOUT_S, Reader
from contex.log.tail import Batch, Tail
from contex.records.message import Message, Receipt

TOPIC = "outage"
PARTITIONS = 4
SENDERS = 8
DOWN_S = 1.0
BEFORE = 2_000
AFTER = 2_000
PATIENT_S = 60.0
"""For what must succeed on a broker that has just started."""


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(tmp_path / "kafka") as broker:
        Cluster(broker.bootstrap).create([TopicState(TOPIC, PARTITIONS, 1)])
        yield broker


async def until(condition: Callable[[], bool], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - a condition of another thread's making
            await asyncio.sleep(0.01)


class Load:
    """Senders that note what was acknowledged, what failed, and the longest wait for an answer."""

    def __init__(self, producer: Producer) -> None:
        self.acknowledged: dict[bytes, Receipt] = {}
        self.failed: list[bytes] = []
        self.longest_s = 0.0
        self._producer = producer
        self._stopping = False
        self._senders = [asyncio.create_task(self._send(number)) for number in range(SENDERS)]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._senders)

    async def _send(self, sender: int) -> None:
        number = 0
        while not self._stopping:
            value = b"%d/%d" % (sender, number)
            started = time.monotonic()
            try:
                self.acknowledged[value] = await self._producer.send(TOPIC, Message(value, value))
            except DependencyAway:
                self.failed.append(value)
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            number += 1


async def everything(bootstrap: str) -> dict[tuple[int, int], bytes | None]:
    reader = Reader(bootstrap)
    found: dict[tuple[int, int], bytes | None] = {}
    for partition, end in (await reader.end_offsets(TOPIC, timeout_s=PATIENT_S)).items():
        position = 0
        while position < end:
            span = await reader.span(TOPIC, partition, position, end, timeout_s=PATIENT_S)
            position = span.next_offset
            found |= {(partition, record.offset): record.value for record in span.records}
    await reader.stop()
    return found


async def test_a_killed_broker_loses_nothing_acknowledged(mortal: Broker) -> None:
    tailed: list[tuple[int, int]] = []

    async def sink(batch: Batch) -> None:
        tailed.extend((record.partition, record.offset) for record in batch.records)

    producer = Producer(mortal.bootstrap)
    await producer.start()
    tail = Tail(mortal.bootstrap, TOPIC, sink)
    tail.start(dict.fromkeys(range(PARTITIONS), 0))
    load = Load(producer)
    await until(lambda: len(load.acknowledged) >= BEFORE, 60)
    mortal.kill()
    known = len(load.acknowledged)
    await asyncio.sleep(DOWN_S)
    await asyncio.to_thread(mortal.start)
    await until(lambda: len(load.acknowledged) >= known + AFTER, 120)
    await load.stop()
    await producer.stop()

    found = await everything(mortal.bootstrap)
    lost = {
        value: receipt
        for value, receipt in load.acknowledged.items()
        if found.get((receipt.partition, receipt.offset)) != value
    }
    assert lost == {}
    assert load.longest_s < DELIVERY_TIMEOUT_S + 5
    assert len(set(found.values())) == len(found), "the idempotent producer wrote a record twice"
    await until(lambda: len(tailed) >= len(found), 60)
    assert sorted(tailed) == sorted(found), "expected the tail to see each record once"
    await tail.stop()


async def test_a_started_producer_is_warm_even_on_a_broker_that_has_just_started(
    mortal: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    # Such a broker refuses the first producer id, which costs a cold client half a second.
    producer = Producer(mortal.bootstrap)
    with caplog.at_level(logging.DEBUG, logger=f"{module.__name__}.client"):
        await producer.start()
    assert "Acquired PID" in caplog.text, "expected a producer id before start returns"
    await producer.send(TOPIC, Message(b"k", b"v"))
    await producer.stop()


async def test_a_broker_that_stays_away_fails_every_send_within_the_bound(
    mortal: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in (module, producing):
        monkeypatch.setattr(one, "DELIVERY_TIMEOUT_S", 3.0)
    producer = Producer(mortal.bootstrap)
    await producer.start()
    await producer.send(TOPIC, Message(b"k", b"v"))
    mortal.kill()
    started = time.monotonic()
    outcomes = await asyncio.gather(
        *(producer.send(TOPIC, Message(b"%d" % number, b"v")) for number in range(500)),
        return_exceptions=True,
    )
    took_s = time.monotonic() - started
    assert {type(outcome) for outcome in outcomes} == {DependencyAway}
    assert took_s < 3.0 + 7.0, f"expected every answer within 10 s, got {took_s:.1f} s"
    await asyncio.to_thread(mortal.start)
    deadline = time.monotonic() + 30
    while True:
        try:
            await producer.send(TOPIC, Message(b"k", b"again"))
            break
        except DependencyAway:
            assert producer.fatal_error is None
            assert time.monotonic() < deadline, "expected sends to succeed again within 30 s"
    await producer.stop()


async def test_stopping_without_a_broker_is_bounded_and_answers_everybody(
    mortal: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.5)
    producer = Producer(mortal.bootstrap)
    await producer.start()
    mortal.kill()
    sending = [
        asyncio.create_task(producer.send(TOPIC, Message(b"%d" % number, b"v")))
        for number in range(50)
    ]
    await asyncio.sleep(0)
    started = time.monotonic()
    await producer.stop()
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert time.monotonic() - started < 8
    assert {type(outcome) for outcome in outcomes} == {DependencyAway}


async def test_a_reader_blames_an_absent_broker_not_the_topics_and_recovers_with_it(
    mortal: Broker,
) -> None:
    reader = Reader(mortal.bootstrap)
    await reader.end_offsets(TOPIC, timeout_s=PATIENT_S)  # every leader is elected
    expected = await reader.bounds(TOPIC, 0, timeout_s=PATIENT_S)
    for absent in (
        reader.bounds(TOPIC, 0, timeout_s=1),
        reader.offset_at(TOPIC, 0, 0, timeout_s=1),
    ):
        again = await reader.bounds(TOPIC, 0, timeout_s=PATIENT_S)
        assert again == expected, "a consumer that has been connected"
        mortal.kill()
        with pytest.raises(DependencyAway):
            await absent
        mortal.start()
    assert await reader.bounds(TOPIC, 0, timeout_s=PATIENT_S) == expected
    mortal.kill()
    mortal.start()
    again = await reader.bounds(TOPIC, 0, timeout_s=PATIENT_S)
    assert again == expected, "the same consumer, after an outage unseen"
    await reader.stop()


async def test_no_read_waits_in_an_outage_beyond_its_own_limit_for_the_others(
    mortal: Broker,
) -> None:
    reader = Reader(mortal.bootstrap)
    await reader.end_offsets(TOPIC, timeout_s=PATIENT_S)
    mortal.kill()
    started = time.monotonic()
    others = [asyncio.create_task(reader.end_offsets(TOPIC)) for _ in range(2 * CONSUMERS_MAX)]
    await asyncio.sleep(0)  # every thread is taken, and as many calls wait for one
    with pytest.raises(DependencyAway):
        await reader.bounds(TOPIC, 0, timeout_s=1)
    took_s = time.monotonic() - started
    assert took_s < READ_TIMEOUT_S, f"expected an answer in 1 s, got it in {took_s:.1f} s"
    outcomes = await asyncio.gather(*others, return_exceptions=True)
    took_s = time.monotonic() - started
    assert {type(outcome) for outcome in outcomes} == {DependencyAway}
    assert took_s < 2 * READ_TIMEOUT_S, f"expected all answers in 5 s, got them in {took_s:.1f} s"
    await reader.stop()
