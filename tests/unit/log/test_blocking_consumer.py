"""A consumer without an event loop: what it waits for, and how it ends; its client is a script."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contex.errors import DependencyAway
from contex.log import blocking, offsets
from contex.log.blocking import BlockingConsumer
from contex.log.failures import MOVING, UNSETTLED

TOPIC = "orders"
REFUSED = KafkaError.GROUP_AUTHORIZATION_FAILED


class Client:
    """Stands for the Kafka client: gives two partitions at its first poll.

    Attributes:
        moving: codes that the group's coordinator answers before it says where the group stands.
        elections: how many looks at the cluster it takes until a partition has a leader.
        unled: what is answered until then.
        brokers_here: closing waits until this is set.
    """

    def __init__(self) -> None:
        self.moving: list[int] = []
        self.elections = 0
        self.unled = KafkaError._UNKNOWN_PARTITION
        self.brokers_here = threading.Event()
        self.brokers_here.set()
        self.assigned: list[TopicPartition] = []
        self.polled = 0
        self.closed = 0

    def subscribe(
        self, _topics: Sequence[str], *, on_assign: Callable[..., None], **_: Any
    ) -> None:
        self._gained = on_assign

    def poll(self, _timeout_s: float) -> None:
        self.polled += 1
        if self.polled == 1:
            self._gained(self, [TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)])

    def committed(self, asked: list[TopicPartition], _timeout_s: float) -> list[TopicPartition]:
        if self.moving:
            raise KafkaException(KafkaError(self.moving.pop(0)))
        return [TopicPartition(one.topic, one.partition, one.partition * 7) for one in asked]

    def incremental_assign(self, given: list[TopicPartition]) -> None:
        self.assigned += given

    def list_topics(self, topic: str, **_: object) -> SimpleNamespace:
        self.elections -= 1
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None})})

    def get_watermark_offsets(self, _place: TopicPartition, **_: object) -> tuple[int, int]:
        if self.elections > 0:
            raise KafkaException(KafkaError(self.unled))
        return 3, 9

    def close(self) -> None:
        self.closed += 1
        self.brokers_here.wait()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    made = Client()
    monkeypatch.setattr(blocking, "ConsumerClient", lambda *_, **__: made)
    monkeypatch.setattr(offsets, "ASK_AGAIN_S", 0.01)
    yield made
    made.brokers_here.set()


def joined() -> tuple[BlockingConsumer, list[Mapping[int, int]]]:
    """Return a member that is given partitions when it polls, and what it is told of them."""
    told: list[Mapping[int, int]] = []
    consumer = BlockingConsumer("kafka:9092", TOPIC, group="g", client={})
    consumer.subscribe(told.append, lambda _partitions: None)
    return consumer, told


def test_a_coordinator_that_moves_is_asked_again(client: Client) -> None:
    client.moving = sorted(MOVING)
    consumer, told = joined()
    assert consumer.poll(0) is None
    assert told == [{0: 0, 1: 7}]
    assert [one.partition for one in client.assigned] == [0, 1]
    assert client.closed == 0


@pytest.mark.parametrize(
    "moving", [[REFUSED], [KafkaError.NOT_COORDINATOR] * 1_000], ids=["refused", "moves for ever"]
)
def test_a_member_that_cannot_know_where_its_group_stands_leaves_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, moving: list[int]
) -> None:
    monkeypatch.setattr(blocking, "METADATA_TIMEOUT_S", 0.1)
    client.moving = moving
    reason = KafkaError(moving[0]).name()
    consumer, told = joined()
    with pytest.raises(DependencyAway, match=reason):
        consumer.poll(0)
    assert (told, client.assigned) == ([], [])
    assert client.closed == 1, "others get its partitions"
    for _ in range(2):
        with pytest.raises(DependencyAway, match=f"the consumer has ended: .*{reason}"):
            consumer.poll(0)
    consumer.close()
    assert (client.closed, client.polled) == (1, 1)


def test_a_closed_consumer_is_not_polled(client: Client) -> None:
    consumer, _ = joined()
    consumer.close()
    with pytest.raises(DependencyAway, match="it was closed"):
        consumer.poll(0)
    assert client.polled == 0


def test_closing_waits_for_absent_brokers_no_longer_than_it_says(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(blocking, "CLOSE_TIMEOUT_S", 0.1)
    client.brokers_here.clear()
    consumer, _ = joined()
    closing = threading.Thread(target=consumer.close, daemon=True)
    with caplog.at_level(logging.WARNING, blocking.__name__):
        closing.start()
        closing.join(10)
    assert not closing.is_alive()
    assert f"the consumer of {TOPIC} go in 0.1 s" in caplog.text


@pytest.mark.parametrize("unled", sorted(UNSETTLED))
def test_the_end_of_a_partition_whose_leader_is_elected_is_asked_for_again(
    client: Client, unled: int
) -> None:
    client.unled, client.elections = unled, 2
    assert BlockingConsumer("kafka:9092", TOPIC, group=None, client={}).end(0) == 9


@pytest.mark.parametrize("unled", sorted(UNSETTLED))
def test_a_leader_that_never_comes_is_a_dependency_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, unled: int
) -> None:
    monkeypatch.setattr(blocking, "METADATA_TIMEOUT_S", 0.1)
    client.unled, client.elections = unled, 1_000_000
    with pytest.raises(DependencyAway, match=f"the end of {TOPIC}/0"):
        BlockingConsumer("kafka:9092", TOPIC, group=None, client={}).end(0)


def test_a_refusal_to_tell_the_end_is_told_at_once(client: Client) -> None:
    client.unled, client.elections = KafkaError.TOPIC_AUTHORIZATION_FAILED, 1
    with pytest.raises(DependencyAway):
        BlockingConsumer("kafka:9092", TOPIC, group=None, client={}).end(0)
    assert client.elections == 1
