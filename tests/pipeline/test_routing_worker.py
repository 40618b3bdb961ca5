"""The routing worker as a process: how it stops, what it refuses, what it passes on."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka import Producer as Client
from confluent_kafka.admin import AdminClient
from gateway_process import apply_topics
from index_engines import EngineProcess
from product import CODEC, UpdatesLog, raw_producer, read_topic, wait_until
from routing_process import RoutingProcess

from contex.local.kafka import Broker
from contex.local.registry import Registry
from contex.log.producing import configuration
from contex.log.registry import schema_source
from contex.records import (
    AgentKey,
    Need,
    Publication,
    Registration,
    Scope,
    StreamDelivery,
    Value,
    ValueKey,
)
from contex.records.codec import Codec
from contex.records.dead_letter import read_headers
from contex.records.headers import header
from contex.records.message import Message
from contex.routing.dead_letter_limit import REJECTED_IN_A_ROW_MAX
from contex.settings import Settings
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, ROUTING_DEAD_LETTER, UPDATES
from workers.exits import EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS, EXIT_TOO_MANY_DEAD_LETTERS

TENANT = "acme"
PROJECT = "shop"
SCOPE = Scope(TENANT, PROJECT)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class World:
    """A broker, an engine, a worker, and what is told."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._broker = Broker(folder / "kafka")
        self.engine = EngineProcess(folder / "index")
        self._folder = folder
        self._settings = settings
        self._started = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:  # what has been started ends with a start that fails
            started.callback(self._broker.kill)
            self._broker.start()
            apply_topics(self.bootstrap)
            started.callback(self.engine.kill)
            self.engine.start()
            self.updates = started.enter_context(UpdatesLog(self.bootstrap))
            self.worker = RoutingProcess(
                self.bootstrap, self.engine.port, self._folder, self._settings
            )
            started.callback(self.worker.kill)
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    @property
    def bootstrap(self) -> str:
        return self._broker.bootstrap

    def produce(self, topic: str, messages: list[Message]) -> list[int]:
        with raw_producer(self.bootstrap) as produce:
            return produce(topic, messages)

    def told(self) -> set[str]:
        """Return the data keys that the agent was told."""
        told = self.updates.of(PROJECT, "reader", TENANT)
        return {item.data_key for update in told for item in update.items}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, {}) as world:
        yield world


def registration() -> Registration:
    key = AgentKey(SCOPE, "reader")
    need = Need("coffee beans", 0.2)
    return Registration(key, (need,), StreamDelivery(), str(uuid.uuid4()), now_ms())


def publication(name: str) -> Publication:
    value = Value(b"coffee beans of the day", "text/plain")
    return Publication(ValueKey(SCOPE, name), value, str(uuid.uuid4()), now_ms())


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.promise(1)
def test_a_worker_that_is_stopped_under_load_loses_nothing(
    world: World, figure: Callable[[str], None]
) -> None:
    names = {f"order-{number}" for number in range(3000)}
    world.worker.start()
    world.produce(REGISTRATIONS.name, [CODEC.encode(registration())])
    wait_until(lambda: world.updates.of(PROJECT, "reader", TENANT), "the agent to be registered")
    world.produce(PUBLICATIONS.name, [CODEC.encode(publication(name)) for name in sorted(names)])
    wait_until(lambda: len(world.told()) > 200, "the worker to be in the middle of it")

    started = time.monotonic()
    assert world.worker.terminate() == 0, world.worker.log()[-2000:]
    stopped_s = time.monotonic() - started
    told_before = len(world.told())
    assert told_before < len(names), "the worker was done before it was stopped: no test of that"
    world.worker.start()

    wait_until(lambda: names == world.told(), "all values to be told")
    updates = world.updates.of(PROJECT, "reader", TENANT)
    ids = {update.update_id for update in updates}
    causes = {update.cause for update in updates}
    assert len(ids) == len(causes)
    figure(
        f"stopped in {stopped_s:.1f} s after {told_before} of {len(names)} values;"
        f" {len(updates) - len(ids)} repeats, all with equal ids"
    )


@pytest.mark.promise(7)
def test_when_nearly_everything_is_poison_the_worker_stops(world: World) -> None:
    flood = [Message(f"{TENANT}/{PROJECT}/same".encode(), b"poison") for _ in range(700)]
    world.worker.start()
    world.produce(PUBLICATIONS.name, flood)

    assert world.worker.wait() == EXIT_TOO_MANY_DEAD_LETTERS, world.worker.log()[-2000:]

    topic = ROUTING_DEAD_LETTER
    letters = read_topic(world.bootstrap, topic.name, topic.partitions)
    assert 0 < len(letters) <= REJECTED_IN_A_ROW_MAX
    assert "in a row" in world.worker.log()


@pytest.mark.promise(7)
def test_a_record_without_a_key_is_refused_by_kafka_itself(world: World) -> None:
    errors: list[str] = []
    client = Client({"bootstrap.servers": world.bootstrap})
    client.produce(
        PUBLICATIONS.name,
        value=b"no key",
        on_delivery=lambda error, _: errors.append(error.name() if error else "accepted"),
    )
    client.flush(30)

    assert errors == ["INVALID_RECORD"]


@pytest.mark.promise(7)
def test_a_deletion_of_a_malformed_key_is_dead_lettered(world: World) -> None:
    world.worker.start()
    [offset] = world.produce(PUBLICATIONS.name, [Message(b"no-slashes", None)])
    topic = ROUTING_DEAD_LETTER

    [letter] = wait_until(
        lambda: read_topic(world.bootstrap, topic.name, topic.partitions), "a dead letter"
    )

    assert (letter.key, letter.value) == (b"no-slashes", None)
    assert offset == read_headers(letter.headers).offset


@pytest.mark.promise(7)
def test_an_index_that_stays_away_ends_the_worker_and_dead_letters_nothing(world: World) -> None:
    world.worker.start()
    world.produce(REGISTRATIONS.name, [CODEC.encode(registration())])
    wait_until(lambda: world.updates.of(PROJECT, "reader", TENANT), "the agent to be registered")
    world.engine.kill()
    world.produce(PUBLICATIONS.name, [CODEC.encode(publication("menu"))])

    assert world.worker.wait() == EXIT_DEPENDENCY_AWAY, world.worker.log()[-2000:]

    world.engine.start()
    world.worker.start()
    wait_until(lambda: "menu" in world.told(), "the value to be told after all")
    topic = ROUTING_DEAD_LETTER
    assert read_topic(world.bootstrap, topic.name, topic.partitions) == []


@pytest.mark.promise(7)
def test_publications_compressed_by_any_codec_are_routed(world: World) -> None:
    world.worker.start()
    world.produce(REGISTRATIONS.name, [CODEC.encode(registration())])
    wait_until(lambda: world.updates.of(PROJECT, "reader", TENANT), "the agent to be registered")
    codecs = ["gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        message = CODEC.encode(publication(codec))
        produce_compressed(world.bootstrap, codec, message.key, message.value or b"")

    wait_until(lambda: set(codecs) == world.told(), f"{codecs} to be told")


@pytest.mark.promise(7)
def test_what_was_small_only_when_compressed_is_dead_lettered_without_its_value(
    world: World,
) -> None:
    world.worker.start()
    world.produce(REGISTRATIONS.name, [CODEC.encode(registration())])
    wait_until(lambda: world.updates.of(PROJECT, "reader", TENANT), "the agent to be registered")
    size_bytes = 12_000_000
    key = f"{TENANT}/{PROJECT}/bomb".encode()
    offset = produce_compressed(world.bootstrap, "gzip", key, b"\0" * size_bytes)
    world.produce(PUBLICATIONS.name, [CODEC.encode(publication("menu"))])

    wait_until(lambda: "menu" in world.told(), "the next value to be told")
    topic = ROUTING_DEAD_LETTER
    [letter] = wait_until(
        lambda: read_topic(world.bootstrap, topic.name, topic.partitions), "a dead letter"
    )
    assert (letter.key, letter.value) == (key, None)
    assert header(letter.headers, "__contex.errors.value_omitted_bytes") == str(size_bytes)
    assert read_headers(letter.headers).offset == offset


def produce_compressed(bootstrap: str, codec: str, key: bytes, value: bytes) -> int:
    """Produce one record as a client that compresses does, and return its offset."""
    offsets: list[int] = []
    client = Client(
        {
            **configuration(bootstrap, 0),
            "compression.type": codec,
            "message.max.bytes": 32 * 1024 * 1024,
        }
    )

    def delivered(error: object, message: Any) -> None:
        assert error is None, error
        offsets.append(message.offset())

    client.produce(PUBLICATIONS.name, key=key, value=value, on_delivery=delivered)
    client.flush(30)
    return offsets[0]


@pytest.mark.promise(8)
def test_a_log_that_ends_before_what_the_index_holds_is_refused_in_words(world: World) -> None:
    world.worker.start()
    [group] = wait_until(
        lambda: re.findall(r'"group":"([^"]+)"', world.worker.log()), "the group to be logged"
    )
    assert world.worker.terminate() == 0
    admin = AdminClient({"bootstrap.servers": world.bootstrap})
    beyond = ConsumerGroupTopicPartitions(group, [TopicPartition(PUBLICATIONS.name, 3, 1000)])
    admin.alter_consumer_group_offsets([beyond])[group].result(30)

    world.worker.start(wait=False)

    assert world.worker.wait() == EXIT_SETTINGS, world.worker.log()[-2000:]
    assert "built up to 1000" in world.worker.log()


def test_a_trace_is_passed_on_from_publication_to_update(world: World) -> None:
    world.worker.start()
    world.produce(REGISTRATIONS.name, [CODEC.encode(registration())])
    wait_until(lambda: world.updates.of(PROJECT, "reader", TENANT), "the agent to be registered")
    world.produce(PUBLICATIONS.name, [CODEC.encode(publication("menu"), traceparent=TRACE)])
    wait_until(lambda: "menu" in world.told(), "the value to be told")

    records = read_topic(world.bootstrap, UPDATES.name, UPDATES.partitions)
    traces = [header(record.headers, "traceparent") for record in records]
    assert [trace for trace in traces if trace] == [TRACE]


def test_with_a_registry_ids_come_from_it_on_both_sides(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    registry.start()
    try:
        settings = Settings.model_validate({"schema_registry_url": registry.url})
        codec = Codec(schema_source(settings))
        with World(tmp_path, {"SCHEMA_REGISTRY_URL": registry.url}) as world:
            world.updates.codec = codec
            world.worker.start()
            world.produce(REGISTRATIONS.name, [codec.encode(registration())])
            world.produce(PUBLICATIONS.name, [codec.encode(publication("menu"))])
            wait_until(lambda: "menu" in world.told(), "the value to be told")
    finally:
        registry.kill()
