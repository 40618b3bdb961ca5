"""A client in memory that remembers pauses as Kafka's does: beyond a partition's absence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from contex.log import consumer as module
from contex.log.consumer import Consumer, Offsets, Partition

LANE: Partition = ("lane", 0)


class Client:
    """Loses and regains its one partition, one event per poll."""

    def __init__(self, _configuration: dict[str, Any], **_options: object) -> None:
        self.paused: set[Partition] = set()
        self.events: list[Callable[[], None]] = []

    def subscribe(self, _topics: list[str], **callbacks: Callable[..., None]) -> None:
        for name in ("on_assign", "on_revoke", "on_assign", "on_lost", "on_assign"):
            self.events.append(partial(callbacks[name], self, [TopicPartition(*LANE)]))

    def poll(self, timeout_s: float) -> None:
        if timeout_s:
            self.events.pop(0)()

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {(one.topic, one.partition) for one in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {(one.topic, one.partition) for one in partitions}

    def seek(self, _partition: TopicPartition) -> None:
        pass

    def unsubscribe(self) -> None:
        self.events.append(lambda: None)

    def close(self) -> None:
        pass


async def test_no_pause_outlives_a_partition_that_is_given_or_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients: list[Client] = []

    def connect(configuration: dict[str, Any], **options: object) -> Client:
        clients.append(Client(configuration, **options))
        return clients[0]

    async def leave(_partitions: frozenset[Partition]) -> Offsets:
        return {}

    monkeypatch.setattr(module, "Client", connect)
    consumer = Consumer("nowhere", "group", ["lane"], leave)
    await consumer.start()
    for how in ("revoked", "lost"):
        await consumer.poll(1, 0.1)
        assert consumer.assigned == {LANE}
        assert not clients[0].paused
        await consumer.hold({LANE: 7})
        assert clients[0].paused == {LANE}
        await consumer.poll(1, 0.1)
        assert not consumer.assigned
        assert not clients[0].paused, f"expected the pause to end with what was {how}"
    await consumer.stop({})
