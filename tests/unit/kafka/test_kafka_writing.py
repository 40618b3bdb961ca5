"""What the Kafka producer writes and refuses, and how its sends wait; its clients are lists."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from contex.errors import (
    CallerError,
    DependencyAway,
    InvalidName,
    InvalidValue,
    LimitExceeded,
)
from contex.kafka import Need, Producer, Value
from contex.kafka import producer as module
from contex.kafka.connection import Connection
from contex.log import blocking
from contex.log.blocking import BlockingProducer
from contex.log.failures import LogMisuse
from contex.records.codec import Codec
from contex.records.message import Message, Receipt, Received
from contex.records.publication import VALUE_BYTES_MAX, Publication
from contex.records.registration import Registration
from contex.records.schema_source import PinnedSchemas
from contex.records.topics import PUBLICATIONS, REGISTRATIONS

CODEC = Codec(PinnedSchemas())


class Log:
    """Stands for `BlockingProducer`: keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Message]] = []
        self.closed = 0

    def send_all(self, topic: str, messages: Iterable[Message]) -> list[Receipt]:
        new = [(topic, message) for message in messages]
        start = len(self.written)
        self.written += new
        return [Receipt(topic, 0, start + number) for number in range(len(new))]

    def close(self) -> None:
        self.closed += 1

    def records(self) -> list[Any]:
        """Return what was written, as every reader decodes it."""
        return [
            (CODEC.publication if topic == PUBLICATIONS else CODEC.registration)(
                Received(topic, 0, number, 1, one.key, one.value, one.headers)
            )
            for number, (topic, one) in enumerate(self.written)
        ]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    kept = Log()
    monkeypatch.setattr(module, "BlockingProducer", lambda *_, **__: kept)
    for name in ("CONTEX_PROJECT", "CONTEX_TENANT", "SCHEMA_REGISTRY_URL"):
        monkeypatch.delenv(name, raising=False)
    return kept


@pytest.mark.parametrize(
    ("data", "content", "content_type"),
    [
        ({"host": "dü"}, '{"host":"dü"}'.encode(), "application/json"),
        ([1, None, True], b"[1,null,true]", "application/json"),
        (5432, b"5432", "application/json"),
        ("a text", b"a text", None),
        (b"\x00\xff", b"\x00\xff", None),
        (bytearray(b"\xff"), b"\xff", None),
    ],
)
def test_values_are_written_as_the_gateway_does(
    log: Log, data: object, content: bytes, content_type: str | None
) -> None:
    with Producer("demo") as producer:
        assert producer.publish("db", data, metadata={"team": "web"}) == Receipt(PUBLICATIONS, 0, 0)
    [found] = log.records()
    assert isinstance(found, Publication)
    assert (found.key.data_key, found.key.scope.project) == ("db", "demo")
    assert (found.value.content, found.value.content_type) == (content, content_type)
    assert found.value.metadata == {"team": "web"}
    assert log.closed == 1


@pytest.mark.parametrize(
    ("data", "content_type", "error", "says"),
    [
        (float("nan"), None, InvalidValue, "cannot be written"),
        ({1, 2}, None, InvalidValue, "cannot be written"),
        ("caf\udce9", None, InvalidValue, "cannot be written"),
        ({"a": 1}, "text/plain", InvalidValue, "describes text, but data is no text"),
        (b"x" * (VALUE_BYTES_MAX + 1), None, LimitExceeded, "900,000"),
    ],
)
def test_what_would_be_a_dead_letter_is_refused_before_it_is_written(
    log: Log, data: object, content_type: str | None, error: type[CallerError], says: str
) -> None:
    with pytest.raises(error) as refused:
        Producer("demo").publish("db", data, content_type=content_type)
    assert says in str(refused.value).replace("900000", "900,000")
    assert log.written == []


@pytest.mark.parametrize("wrong", [{"priority": 5}, {5: "high"}, ["team"], "team"])
def test_metadata_that_is_no_text_is_refused_before_it_is_written(log: Log, wrong: Any) -> None:
    with pytest.raises(InvalidValue, match="metadata"):
        Producer("demo").publish("db", 1, metadata=wrong)
    assert log.written == []


@pytest.mark.parametrize(
    ("project", "data_key"), [(None, "db"), ("no/name", "db"), ("demo", ""), ("demo", "x" * 513)]
)
def test_names_are_refused_before_anything_is_written(
    log: Log, project: str | None, data_key: str
) -> None:
    with pytest.raises(InvalidName):
        Producer(project).publish(data_key, "x")
    assert log.written == []


@pytest.mark.parametrize(
    ("needs", "field"),
    [("lunch", "needs"), (Need("lunch"), "needs"), (None, "needs"), (["lunch", None], "needs[1]")],
)
def test_needs_that_are_no_list_are_refused_before_they_are_written(
    log: Log, needs: Any, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        Producer("demo").register("a", needs)
    assert refused.value.field == field
    assert log.written == []


def test_a_filter_of_one_text_is_not_taken_letter_by_letter(log: Log) -> None:
    Producer("demo").register("a", [Need("lunch", filters={"team": "all", "day": ["fri"]})])
    [found] = log.records()
    assert isinstance(found, Registration)
    assert found.needs[0].filters == {"team": ("all",), "day": ("fri",)}


def test_an_empty_project_is_not_taken_for_none(log: Log) -> None:
    with pytest.raises(InvalidName, match="project must be"):
        Producer("demo").publish("db", 1, project="")
    assert log.written == []


def test_many_go_in_one_flight_and_each_has_its_receipt(log: Log) -> None:
    receipts = Producer("demo").publish_many((f"k{n}", Value(b"x")) for n in range(3))
    assert [one.offset for one in receipts] == [0, 1, 2]
    assert [one.key.data_key for one in log.records()] == ["k0", "k1", "k2"]


def test_a_deletion_is_a_tombstone_with_its_own_event(log: Log) -> None:
    producer = Producer("demo")
    producer.delete("db")
    producer.delete("db")
    [(_, first), (_, second)] = log.written
    assert (first.value, first.key) == (None, b"default/demo/db")
    assert dict(first.headers)["ce_id"] != dict(second.headers)["ce_id"]


def test_an_agent_registers_and_leaves(log: Log) -> None:
    producer = Producer(tenant="acme")
    producer.register("ada", ["databases", Need("on call", 0.5)], project="demo", token_budget=9)
    producer.unregister("ada", project="demo")
    assert [topic for topic, _ in log.written] == [REGISTRATIONS] * 2
    registered = log.records()[0]
    assert isinstance(registered, Registration)
    assert [(one.text, one.threshold) for one in registered.needs] == [
        ("databases", Need("x").threshold),
        ("on call", 0.5),
    ]
    assert (str(registered.key), registered.token_budget) == ("acme/demo/ada", 9)
    assert log.written[1][1].value is None


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_PROJECT", "from-environment")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "env:9092")
    assert Connection().scope().project == "from-environment"
    assert Connection(project="own").scope().project == "own"
    assert Connection(project="own").scope("called").project == "called"
    assert (Connection().servers, Connection(bootstrap="given:1").servers) == (
        "env:9092",
        "given:1",
    )


class Sent:
    """A record as the client reports it delivered."""

    def __init__(self, topic: str, offset: int) -> None:
        self.topic = lambda: topic
        self.partition = lambda: 3
        self.offset = lambda: offset


class Client:
    """Stands for the Kafka client: delivers at the next poll, with the errors that it is told."""

    def __init__(self, configuration: Mapping[str, object], **_: object) -> None:
        self.configuration = configuration
        self.errors: dict[int, int] = {}
        self.full = 0
        self.silent = False
        self._count = 0
        self._waiting: list[Callable[[], None]] = []

    def produce(self, topic: str, *, on_delivery: Any, **_: object) -> None:
        if self.full:
            self.full -= 1
            raise BufferError
        number, self._count = self._count, self._count + 1
        if self.errors.get(number) == KafkaError.MSG_SIZE_TOO_LARGE:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        code = self.errors.get(number)
        error = None if code is None else KafkaError(code)
        self._waiting.append(lambda: on_delivery(error, Sent(topic, number)))

    def poll(self, timeout_s: float) -> None:
        if timeout_s and not self.silent:
            for deliver in reversed(self._waiting):  # the brokers answer in any order
                deliver()
            self._waiting.clear()

    def flush(self, timeout_s: float) -> None:
        self.flushed_s = timeout_s


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client({})

    def make(configuration: Mapping[str, object], **_: object) -> Client:
        made.configuration = configuration
        return made

    monkeypatch.setattr(blocking, "ProducerClient", make)
    return made


def send(count: int, **security: object) -> list[Receipt]:
    producer = BlockingProducer("kafka:9092", linger_ms=5, client=security)
    return producer.send_all("t", [Message(b"k", b"v")] * count)


def test_receipts_are_in_the_order_of_the_messages(client: Client) -> None:
    client.full = 2  # the queue is full for a while
    assert [one.offset for one in send(3)] == [0, 1, 2]
    assert send(0) == []


def test_a_callers_client_configuration_cannot_weaken_ours(client: Client) -> None:
    send(1, **{"acks": "0", "sasl.username": "ada"})
    assert (client.configuration["acks"], client.configuration["sasl.username"]) == ("all", "ada")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({1: KafkaError.NOT_ENOUGH_REPLICAS}, DependencyAway),
        ({1: KafkaError.UNKNOWN_TOPIC_OR_PART}, LogMisuse),
        ({0: KafkaError.INVALID_RECORD, 2: KafkaError.NOT_ENOUGH_REPLICAS}, DependencyAway),
        ({0: KafkaError.MSG_SIZE_TOO_LARGE}, LimitExceeded),
    ],
)
def test_one_that_was_not_acknowledged_is_an_error_and_an_absence_comes_first(
    client: Client, errors: dict[int, int], expected: type[Exception]
) -> None:
    client.errors = errors
    with pytest.raises(expected):
        send(3)


@pytest.mark.parametrize("full", [0, 1 << 30])
def test_brokers_that_never_answer_are_not_waited_for_without_end(
    client: Client, monkeypatch: pytest.MonkeyPatch, full: int
) -> None:
    clock_s = iter(range(0, 1_000_000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock_s))
    client.silent, client.full = True, full
    with pytest.raises(DependencyAway):
        send(1)
