"""A consumer without an event loop, on a broker of its own that falls silent."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import running_broker
from confluent_kafka import KafkaError, KafkaException

from contex.errors import DependencyAway
from contex.local.kafka import Broker
from contex.log import blocking
from contex.log.admin import Cluster, TopicState
from contex.log.blocking import BlockingConsumer, BlockingProducer
from contex.records.message import Message, Received

TOPIC = "silence"
CLOSE_S = 2.0
DEADLINE_S = 30.0


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(tmp_path / "kafka") as broker:
        Cluster(broker.bootstrap).create([TopicState(TOPIC, 1, 1)])
        producer = BlockingProducer(broker.bootstrap, linger_ms=0, client={})
        producer.send_all(TOPIC, [Message(b"k", b"v")])
        producer.close()
        yield broker


def member(broker: Broker) -> BlockingConsumer:
    consumer = BlockingConsumer(broker.bootstrap, TOPIC, group="readers", client={})
    consumer.subscribe(lambda _offsets: None, lambda _partitions: None)
    return consumer


def first(consumer: BlockingConsumer) -> Received:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        record = consumer.poll(0.5)
        if record is not None:
            return record
    pytest.fail("no record was read")


def test_a_member_that_cannot_know_where_its_group_stands_makes_room_for_another(
    own_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise KafkaException(KafkaError(KafkaError.NOT_COORDINATOR))

    with monkeypatch.context() as patch:
        patch.setattr(blocking, "committed", refused)
        failed = member(own_broker)
        with pytest.raises(DependencyAway, match="NOT_COORDINATOR"):
            first(failed)
    # Sooner than a session times out, which would make room as well.
    other = member(own_broker)
    assert first(other).offset == 0
    other.close()
    with pytest.raises(DependencyAway, match="has ended"):
        failed.poll(0)


def test_a_member_with_something_to_commit_leaves_a_silent_broker_in_time(
    own_broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(blocking, "CLOSE_TIMEOUT_S", CLOSE_S)
    consumer = member(own_broker)
    record = first(consumer)
    consumer.handled(record.partition, record.offset + 1)
    assert own_broker.pid is not None
    os.kill(own_broker.pid, signal.SIGSTOP)
    # In a thread, so that a call without a limit fails here and does not hold up all tests.
    closing = threading.Thread(target=consumer.close, daemon=True)
    try:
        with caplog.at_level(logging.WARNING, blocking.__name__):
            closing.start()
            closing.join(CLOSE_S + 10)
        assert not closing.is_alive(), "it waits for the broker without a limit"
        assert f"consumer of {TOPIC} go in {CLOSE_S:g} s" in caplog.text
    finally:
        os.kill(own_broker.pid, signal.SIGCONT)
        for one in threading.enumerate():
            if one is closing or one.name == "contex-consumer-close":
                one.join(DEADLINE_S)
