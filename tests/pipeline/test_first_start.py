"""The first process ever on a cluster: no group has existed, so no topic of offsets either."""

import time
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from gateway_process import apply_topics
from index_engines import EngineProcess
from product import CODEC, UpdatesLog, raw_producer, wait_until
from routing_process import RoutingProcess

from contex.local.kafka import Broker
from contex.log.lag import GroupLag, Span
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
from topology.catalogue import PUBLICATIONS, REGISTRATIONS

SCOPE = Scope("default", "shop")


def produce(bootstrap: str) -> None:
    at_ms = time.time_ns() // 1_000_000
    needs = (Need("coffee beans", 0.2),)
    agent = Registration(AgentKey(SCOPE, "reader"), needs, StreamDelivery(), "event-1", at_ms)
    value = Value(b"coffee beans of the day", "text/plain")
    datum = Publication(ValueKey(SCOPE, "menu"), value, "event-2", at_ms)
    with raw_producer(bootstrap) as send:
        send(REGISTRATIONS.name, [CODEC.encode(agent)])
        send(PUBLICATIONS.name, [CODEC.encode(datum)])


def test_a_routing_worker_that_is_first_on_a_cluster_becomes_ready_and_routes(
    tmp_path: Path,
) -> None:
    broker, engine = Broker(tmp_path / "kafka"), EngineProcess(tmp_path / "index")
    worker: RoutingProcess | None = None
    try:
        broker.start()
        apply_topics(broker.bootstrap)
        engine.start()
        worker = RoutingProcess(broker.bootstrap, engine.port, tmp_path, {})
        worker.start(wait=False)

        def ready() -> bool:
            assert worker.is_running(), f"the worker ended: {worker.log()[-2000:]}"
            return worker.is_ready()

        wait_until(ready, "the first worker to be ready")
        produce(broker.bootstrap)
        with UpdatesLog(broker.bootstrap) as updates:
            updates.wait_for("shop", "reader", "matched", "menu")
        assert worker.terminate() == 0, worker.log()[-2000:]
    finally:
        if worker is not None:
            worker.kill()
        engine.kill()
        broker.kill()


def test_a_group_that_never_was_stands_at_the_start_and_one_that_was_where_it_committed(
    tmp_path: Path,
) -> None:
    broker = Broker(tmp_path / "kafka")
    try:
        broker.start()
        apply_topics(broker.bootstrap)
        place = (REGISTRATIONS.name, 0)
        lag = GroupLag(broker.bootstrap, "readers", [REGISTRATIONS.name])

        assert lag.spans([place]) == {place: Span(0, 0)}

        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        read = ConsumerGroupTopicPartitions("readers", [TopicPartition(*place, 7)])
        admin.alter_consumer_group_offsets([read])["readers"].result(30)
        assert lag.spans([place]) == {place: Span(7, 0)}
    finally:
        broker.kill()
