"""Programs that use Kafka directly, with a real registry: by our parts and by Confluent's own."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer as ConfluentConsumer
from confluent_kafka import Producer as ConfluentProducer
from confluent_kafka import TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from product import TENANT, raw_producer, wait_until

from contex.client import Contex
from contex.errors import CallerError, InvalidName, InvalidValue, LimitExceeded
from contex.kafka import Consumer, Need, Producer, Update, Value
from contex.local.registry import Registry
from contex.local.stack import Stack, StackOptions
from contex.records.message import Message
from topology.catalogue import PUBLICATIONS, UPDATES, Topic

NEED = "coffee beans menu"
REGISTRY_S_MAX = 10
MATCHING = {"about": "coffee beans menu"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.start()
    yield registry
    registry.kill()


@pytest.fixture(scope="module")
def stack(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"CONTEX_EMBEDDER": "deterministic", "SCHEMA_REGISTRY_URL": registry.url}
    with Stack(StackOptions(tmp_path_factory.mktemp("stack"), environment=environment)) as stack:
        yield stack


@pytest.fixture
def schemas_of(registry: Registry) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client of the registry; left alone, it waits for ever for a lost answer."""
    with SchemaRegistryClient({"url": registry.url, "timeout": REGISTRY_S_MAX}) as client:
        yield client


@pytest.fixture
def project() -> str:
    return f"p-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def client(stack: Stack, project: str) -> Iterator[Contex]:
    with Contex(stack.gateway_url, project=project) as client:
        yield client


@pytest.fixture
def near(stack: Stack, registry: Registry, monkeypatch: pytest.MonkeyPatch, project: str) -> str:
    """Let the environment say where everything is, as it does for a program."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap)
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", registry.url)
    monkeypatch.setenv("CONTEX_PROJECT", project)
    return project


@pytest.fixture
def producer(near: str) -> Iterator[Producer]:
    with Producer(near) as producer:
        yield producer


def at(stack: Stack, topic: Topic, partition: int, offset: int) -> Any:
    consumer = ConfluentConsumer({"bootstrap.servers": stack.bootstrap, "group.id": "tests"})
    consumer.assign([TopicPartition(topic.name, partition, offset)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert message.error() is None, message.error()
    return message


def value_of(topic: Topic) -> SerializationContext:
    return SerializationContext(topic.name, MessageField.VALUE)


def take(consumer: Consumer, count: int) -> list[Update]:
    """Return the next updates."""
    updates: list[Update] = []
    deadline = time.monotonic() + 60
    while len(updates) < count:
        assert time.monotonic() < deadline, f"expected {count} updates, got {updates}"
        update = consumer.poll(0.5)
        if update is not None:
            updates.append(update)
    return updates


def test_confluents_deserializer_reads_what_the_product_wrote(
    stack: Stack, schemas_of: Any, client: Contex, producer: Producer, project: str
) -> None:
    read = AvroDeserializer(schemas_of)
    registered = client.register("agent", [NEED], wait_s=30)
    published = client.publish("menu", MATCHING, metadata={"team": "bar"}, wait_s=30)
    ours = producer.publish("other", MATCHING)

    message = at(stack, PUBLICATIONS, ours.partition, ours.offset)
    publication = read(message.value(), value_of(PUBLICATIONS))
    assert (publication["tenant"], publication["project"]) == (TENANT, project)
    assert (publication["data_key"], json.loads(publication["content"])) == ("other", MATCHING)

    partition, _, offset = str(registered.cursor).partition(":")
    initial = at(stack, UPDATES, int(partition), int(offset))
    assert read(initial.value(), value_of(UPDATES))["kind"] == "initial"
    matched = at(stack, UPDATES, int(partition), int(offset) + 1)
    update = read(matched.value(), value_of(UPDATES))
    [item] = update["items"]
    assert (update["kind"], item["data_key"], item["revision"]) == (
        "matched", "menu", published.revision)  # fmt: skip
    assert json.loads(item["content"]) == MATCHING
    assert item["metadata"] == {"team": "bar"}


def test_what_confluents_serializer_writes_is_routed(
    stack: Stack, schemas_of: Any, client: Contex, project: str
) -> None:
    registered = client.register("agent", [NEED], wait_s=30)
    write = AvroSerializer(
        schemas_of,
        conf={"auto.register.schemas": False, "use.latest.version": True},
    )
    value = {
        "tenant": TENANT,
        "project": project,
        "data_key": "menu",
        "content": json.dumps(MATCHING).encode(),
        "content_type": "application/json",
        "metadata": {"from": "elsewhere"},
        "event_type": None,
        "published_at": int(time.time() * 1000),
    }
    producer = ConfluentProducer(
        {"bootstrap.servers": stack.bootstrap, "partitioner": "murmur2_random"}
    )
    producer.produce(
        PUBLICATIONS.name,
        key=f"{TENANT}/{project}/menu",
        value=write(value, value_of(PUBLICATIONS)),
    )
    assert producer.flush(30) == 0
    with client.updates("agent", cursor=registered.cursor) as updates:
        assert next(updates).kind == "initial"
        matched = next(updates)
    assert (matched.kind, matched.items[0].data) == ("matched", MATCHING)
    assert matched.items[0].metadata == {"from": "elsewhere"}


def test_a_program_registers_publishes_and_reads(producer: Producer, client: Contex) -> None:
    first = producer.publish("menu", MATCHING, metadata={"team": "bar"})
    wait_until(lambda: [*client.values()], "the value to be routed")
    registered = producer.register("agent", [Need(NEED, 0.3)])
    with Consumer("agent") as consumer:
        [initial] = take(consumer, 1)
        assert (initial.kind, initial.epoch) == ("initial", registered.offset)
        [item] = initial.items
        assert (item.data_key, item.revision, item.metadata) == (
            "menu", first.offset, {"team": "bar"})  # fmt: skip
        cursor = consumer.cursor
        many = producer.publish_many([(f"n/{n}", Value(b"coffee beans menu")) for n in range(3)])
        gone = producer.delete("menu")
        told = take(consumer, 4)
        assert {update.items[0].data_key for update in told} == {"menu", "n/0", "n/1", "n/2"}
        assert {item.revision for item in consumer.holdings().values()} == {
            one.offset for one in many
        }
        assert set(consumer.holdings("agent")) == {"n/0", "n/1", "n/2"}
    assert gone.offset > first.offset

    with Consumer("agent", cursor=cursor) as consumer:
        again = take(consumer, 4)
        assert [update.update_id for update in again] == [update.update_id for update in told]
        assert set(consumer.holdings()) == {"n/0", "n/1", "n/2"}
        assert consumer.cursor != cursor
        assert consumer.poll(0.3) is None
    with Consumer("agent") as consumer:
        assert take(consumer, 5)[0].kind == "initial"
    producer.unregister("agent")
    wait_until(lambda: not list(client.agents()), "the agent to be gone")


@pytest.mark.usefixtures("near")
def test_a_cursor_reads_what_came_before_in_silence(client: Contex) -> None:
    registered = client.register("agent", [NEED], wait_s=30)
    client.publish("a", MATCHING, wait_s=30)
    client.publish("b", MATCHING, wait_s=30)
    partition, _, offset = str(registered.cursor).partition(":")
    with Consumer("agent", cursor=f"{partition}:{int(offset) + 2}") as consumer:
        [update] = take(consumer, 1)
        assert [item.data_key for item in update.items] == ["b"]
        assert set(consumer.holdings()) == {"a", "b"}


@pytest.mark.usefixtures("near")
def test_members_of_a_group_share_agents_and_go_on_where_it_stood(
    client: Contex, project: str
) -> None:
    agents = [f"agent-{n}" for n in range(6)]
    for agent in agents:
        client.register(agent, [NEED], wait_s=30)
    group = f"group-{project}"

    def told(consumer: Consumer, count: int) -> set[tuple[str, str]]:
        updates = take(consumer, count)
        return {(update.agent.agent_id, update.kind.value) for update in updates}

    with Consumer(agents, group=group) as first:
        assert told(first, 6) == {(agent, "initial") for agent in agents}
        assert first.poll(0.2) is None
        assert first.cursor is None
        client.publish("menu", MATCHING, wait_s=30)
        assert told(first, 6) == {(agent, "matched") for agent in agents}
        assert first.poll(0.2) is None

    with Consumer(agents, group=group) as second:
        client.publish("menu", {**MATCHING, "n": 2}, wait_s=30)
        assert told(second, 6) == {(agent, "updated") for agent in agents}, "nothing told again"
        with Consumer(agents, group=group) as third:
            found: set[tuple[str, str]] = set()
            by: dict[Consumer, int] = {second: 0, third: 0}
            deadline = time.monotonic() + 60
            n = 3
            while not (found >= {(agent, "updated") for agent in agents} and all(by.values())):
                assert time.monotonic() < deadline, (found, list(by.values()))
                client.publish("menu", {**MATCHING, "n": n})
                n += 1
                for consumer in (second, third):
                    update = consumer.poll(0.5)
                    if update is not None:
                        by[consumer] += 1
                        found.add((update.agent.agent_id, update.kind.value))
                        assert set(consumer.holdings(update.agent.agent_id)) == {"menu"}


@pytest.mark.usefixtures("near")
def test_a_poison_record_is_passed_over(
    stack: Stack, client: Contex, project: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.register("agent", [NEED], wait_s=30)
    with raw_producer(stack.bootstrap) as produce:
        produce(UPDATES.name, [Message(f"{TENANT}/{project}/agent".encode(), b"no update")])
    client.publish("menu", MATCHING, wait_s=30)
    with Consumer("agent") as consumer:
        assert [update.kind for update in take(consumer, 2)] == ["initial", "matched"]
    assert "passed over a record that is no update" in caplog.text


@pytest.mark.usefixtures("near")
def test_an_iteration_is_ended_by_another_thread(client: Contex) -> None:
    client.register("agent", [NEED], wait_s=30)
    consumer = Consumer("agent")
    told: list[Update] = []
    reader = threading.Thread(target=lambda: told.extend(consumer), daemon=True)
    reader.start()
    wait_until(lambda: told, "the initial update")
    consumer.close()
    reader.join(10)
    assert not reader.is_alive()
    consumer.close()
    assert list(consumer) == []
    assert consumer.poll(0) is None


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidName, {"data_key": "", "data": 1}),
        (InvalidName, {"data_key": "k", "data": 1, "project": "a/b"}),
        (InvalidValue, {"data_key": "k", "data": float("nan")}),
        (InvalidValue, {"data_key": "k", "data": 1, "content_type": "text/plain"}),
        (LimitExceeded, {"data_key": "k", "data": "x" * 900_001}),
        (InvalidValue, {"data_key": "k", "data": "\ud800"}),
        (InvalidValue, {"data_key": "k", "data": {1, 2}}),
    ],
)
def test_what_would_be_a_dead_letter_is_refused(
    producer: Producer, error: type[CallerError], arguments: dict[str, Any]
) -> None:
    with pytest.raises(error):
        producer.publish(**arguments)


@pytest.mark.usefixtures("near")
def test_consumers_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidValue, match="several agents need a group"):
        Consumer(["a", "b"])
    with pytest.raises(InvalidValue, match="takes no cursor"):
        Consumer("a", group="g", cursor="1:2")
    with Consumer("agent") as consumer:
        partition = int(str(consumer.cursor).partition(":")[0])
    with pytest.raises(InvalidValue, match="another agent's feed"):
        Consumer("agent", cursor=f"{partition + 1}:0")
    with pytest.raises(InvalidValue, match="1 to 10,000 names"):
        Consumer([])
    with pytest.raises(InvalidName):
        Consumer("a b")
