"""What a cluster's answers mean for whoever looks after it, over a client that is a dictionary."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from contex.errors import DependencyAway
from contex.log import inspection
from contex.log.failures import LogMisuse
from contex.log.inspection import Group, Inspection


def answered(value: object) -> "Future[Any]":
    future: Future[Any] = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class Client:
    """Stands for the admin client.

    Attributes:
        found: of each partition, the first offset since the time asked for, and the end.
        electing: how many looks at the cluster it takes until leaders are there.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], tuple[int, int]] = {}
        self.members: dict[str, int] = {}
        self.error: Exception | None = None
        self.asked = 0
        self.electing = 0

    def list_topics(self, **_: object) -> None:
        self.electing -= 1

    def describe_consumer_groups(self, names: list[str], **_: object) -> Mapping[str, Any]:
        self.asked += 1
        return {
            name: answered(
                self.error
                or SimpleNamespace(
                    state=SimpleNamespace(name="STABLE" if name in self.members else "DEAD"),
                    members=[None] * self.members.get(name, 0),
                )
            )
            for name in names
        }

    def list_offsets(
        self, specs: Mapping[TopicPartition, OffsetSpec], **_: object
    ) -> Mapping[TopicPartition, Any]:
        latest = type(OffsetSpec.latest())
        missing = KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return {
            place: answered(
                (missing if self.electing > 0 else self.error)
                or SimpleNamespace(
                    offset=self.found.get((place.topic, place.partition), (-1, 0))[
                        isinstance(spec, latest)
                    ]
                )
            )
            for place, spec in specs.items()
        }


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    fake = Client()
    monkeypatch.setattr(inspection, "AdminClient", lambda _configuration: fake)
    monkeypatch.setattr(inspection, "SETTLE_S", 0.2)
    return fake


def test_groups_are_told_with_their_members_and_unknown_ones_as_dead(client: Client) -> None:
    client.members = {"routing": 2}
    assert Inspection("kafka:9092").groups(["routing", "never"]) == {
        "routing": Group("routing", "stable", 2),
        "never": Group("never", "dead", 0),
    }


def test_about_no_group_nobody_is_asked(client: Client) -> None:
    assert Inspection("kafka:9092").groups([]) == {}
    assert client.asked == 0


def test_records_since_a_time_are_counted_over_partitions(client: Client) -> None:
    client.found = {
        ("dead", 0): (7, 10),
        ("dead", 1): (-1, 50),  # none of its records is so young
        ("dead", 2): (0, 2),
    }
    counted = Inspection("kafka:9092").records_since({"dead": 3, "quiet": 1}, 1_000)
    assert counted == {"dead": 5, "quiet": 0}


def test_an_election_is_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SETTLE_S", 30.0)
    client.found, client.electing = {("dead", 0): (7, 10)}, 3
    assert Inspection("kafka:9092").records_since({"dead": 1}, 1_000) == {"dead": 3}


Ask = Callable[[Inspection], object]
QUESTIONS: Iterable[Ask] = (
    lambda one: one.groups(["routing"]),
    lambda one: one.records_since({"dead": 1}, 1_000),
)


@pytest.mark.parametrize("ask", QUESTIONS)
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), DependencyAway),
        (KafkaException(KafkaError(KafkaError._TIMED_OUT)), DependencyAway),
        (KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)), LogMisuse),
        (TimeoutError(), DependencyAway),
    ],
)
def test_no_answer_and_a_missing_topic_are_told_apart(
    client: Client, ask: Ask, error: Exception, expected: type[Exception]
) -> None:
    client.error = error
    with pytest.raises(expected):
        ask(Inspection("kafka:9092"))
