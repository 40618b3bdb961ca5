"""The embedded Kafka: survives kill -9 with what it acknowledged, says why it cannot start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from contex.local.errors import ChildFailed, PortTaken
from contex.local.kafka import Broker

TOPIC = "broker-test"
ANSWER_TIMEOUT_S = 30


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "kafka")
    yield broker
    broker.kill()


def create_topic(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    futures = admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    futures[TOPIC].result(ANSWER_TIMEOUT_S)


def produce(bootstrap: str, values: list[bytes]) -> None:
    refused: list[object] = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "acks": "all", "message.max.bytes": 9_000_000}
    )
    for value in values:
        producer.produce(
            TOPIC, value, on_delivery=lambda error, _: refused.append(error) if error else None
        )
    left = producer.flush(ANSWER_TIMEOUT_S)
    assert (left, refused) == (0, []), f"expected all acknowledged, got {left} left, {refused}"


def consume(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False}
    )
    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        return [message.value() for message in consumer.consume(count, ANSWER_TIMEOUT_S)]
    finally:
        consumer.close()


def test_a_killed_broker_comes_back_on_its_port_with_every_record(own_broker: Broker) -> None:
    own_broker.start()
    address, first_pid = own_broker.bootstrap, own_broker.pid
    create_topic(address)
    values = [b"%d" % number for number in range(1_000)]
    produce(address, values)

    own_broker.kill()
    assert not own_broker.answers(), "expected a killed broker to be silent, got an answer"
    own_broker.start()

    assert own_broker.bootstrap == address
    assert own_broker.pid != first_pid
    assert consume(address, len(values)) == values


def test_topics_are_never_created_by_accident(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    metadata = admin.list_topics("never-created", timeout=ANSWER_TIMEOUT_S)
    assert metadata.topics["never-created"].error is not None


def test_a_taken_port_is_named_and_not_mistaken_for_ours(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(PortTaken, match=f":{broker.port}: another program") as raised:
        Broker(tmp_path, broker.port).start()
    assert "--kafka-port 0" in raised.value.advice


def test_a_broker_that_cannot_start_shows_its_last_words(
    own_broker: Broker, tmp_path: Path
) -> None:
    storage = tmp_path / "kafka" / "storage"
    storage.mkdir(parents=True)
    (storage / "meta.properties").write_text("cluster.id=other\nnode.id=2\nversion=1\n")
    with pytest.raises(ChildFailed, match="Stored node id 2") as raised:
        own_broker.start()
    assert "broker.log" in raised.value.advice


def test_an_interrupted_formatting_is_done_again(own_broker: Broker, tmp_path: Path) -> None:
    unfinished = tmp_path / "kafka" / "storage.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "meta.properties").write_text("half")
    own_broker.start()
    assert own_broker.answers()
