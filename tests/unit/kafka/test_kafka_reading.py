"""What a consumer makes of records, over a broker that is a list."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from contex.errors import DependencyAway, InvalidValue
from contex.kafka import Consumer
from contex.kafka import consumer as module
from contex.log.partitioner import partition_for
from contex.records import AgentKey, Cause, Item, Scope, Update, UpdateKind
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.schema_source import PinnedSchemas
from contex.records.topics import PUBLICATIONS, UPDATES

PARTITIONS = 12
END = 100
SCOPE = Scope("default", "p")
CODEC = Codec(PinnedSchemas())


class Broker:
    """Stands for `BlockingConsumer`: hands out what a test has put in it."""

    made: "list[Broker]" = []  # noqa: RUF012 - cleared by the fixture

    def __init__(self, *_: Any, group: str | None, client: Mapping[str, object]) -> None:
        self.group = group
        self.records: list[Received] = []
        self.handled_offsets: dict[int, int] = {}
        self.closed = 0
        self.made.append(self)

    def partitions(self) -> int:
        return PARTITIONS

    def end(self, partition: int) -> int:
        return END

    def assign(self, partition: int) -> None:
        self.assigned = partition

    def subscribe(self, on_assign: Any, on_revoke: Any) -> None:
        self.gain, self.give = on_assign, on_revoke

    def poll(self, timeout_s: float) -> Received | None:
        return self.records.pop(0) if self.records else None

    def handled(self, partition: int, next_offset: int) -> None:
        self.handled_offsets[partition] = next_offset

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> type[Broker]:
    monkeypatch.setattr(module, "BlockingConsumer", Broker)
    monkeypatch.setenv("CONTEX_PROJECT", "p")
    monkeypatch.delenv("SCHEMA_REGISTRY_URL", raising=False)
    Broker.made.clear()
    return Broker


def partition_of(agent: str) -> int:
    return partition_for(f"{SCOPE}/{agent}".encode(), PARTITIONS)


def record(
    agent: str, offset: int, revision: int, kind: UpdateKind = UpdateKind.MATCHED, key: str = "k"
) -> Received:
    content = None if kind is UpdateKind.DELETED else b"1"
    update = Update(
        update_id=uuid.uuid4(),
        kind=kind,
        agent=AgentKey(SCOPE, agent),
        epoch=1,
        cause=Cause(PUBLICATIONS, 0, revision),
        caused_at_ms=0,
        items=(Item(key, revision, content=content),),
    )
    message = CODEC.encode(update)
    return Received(UPDATES, partition_of(agent), offset, 0, message.key, message.value)


def told(consumer: Consumer) -> list[int]:
    """Return the revisions that are told until nothing is left."""
    found = []
    while (update := consumer.poll(0.01)) is not None:
        found.extend([item.revision for item in update.items])
    return found


def test_news_is_told_and_the_cursor_moves_on() -> None:
    consumer = Consumer("a")
    [broker] = Broker.made
    assert broker.assigned == partition_of("a")
    broker.records = [
        record("a", 3, 1),
        record("other", 4, 9),
        record("a", 5, 1),
        record("a", 6, 2),
    ]
    assert told(consumer) == [1, 2]
    assert consumer.cursor == f"{partition_of('a')}:7"
    assert {key: item.revision for key, item in consumer.holdings().items()} == {"k": 2}


def test_what_lies_before_the_cursor_is_not_told_but_known() -> None:
    consumer = Consumer("a", cursor=f"{partition_of('a')}:5")
    [broker] = Broker.made
    broker.records = [record("a", 3, 7), record("a", 5, 6), record("a", 6, 8)]
    assert told(consumer) == [8], "revision 6 came late: 7 was known"


def test_a_cursor_beyond_the_end_is_of_another_topic_and_would_keep_silent() -> None:
    at_the_end = Consumer("a", cursor=f"{partition_of('a')}:{END}")
    assert at_the_end.poll(0.01) is None
    with pytest.raises(InvalidValue, match="beyond the end"):
        Consumer("a", cursor=f"{partition_of('a')}:{END + 1}")
    assert Broker.made[-1].closed == 1


def test_a_registry_that_is_away_loses_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = Consumer("a")
    [broker] = Broker.made
    broker.records = [record("a", 3, 1), record("a", 4, 2)]
    real = consumer._codec.update
    away = [DependencyAway("the registry does not answer")] * 2

    def update(received: Received) -> Update:
        if away:
            raise away.pop()
        return real(received)

    monkeypatch.setattr(consumer._codec, "update", update)
    for _ in range(2):
        with pytest.raises(DependencyAway):
            consumer.poll(0.01)
    assert told(consumer) == [1, 2]


def test_a_group_commits_what_was_dealt_with() -> None:
    consumer = Consumer(["a"], group="g")
    [broker] = Broker.made
    partition = partition_of("a")
    broker.gain({partition: 4})
    broker.records = [record("a", 3, 1), record("a", 4, 2), record("other", 5, 9)]
    broker.records[2] = Received(UPDATES, partition, 5, 0, b"default/p/other", b"")
    update = consumer.poll(0.01)
    assert update is not None
    assert (update.items[0].revision, broker.handled_offsets) == (2, {})
    assert consumer.poll(0.01) is None
    assert broker.handled_offsets == {partition: 6}


def test_what_is_given_away_is_forgotten_and_no_more() -> None:
    agents = ["a", "b"]
    assert partition_of("a") != partition_of("b")
    consumer = Consumer(agents, group="g")
    [broker] = Broker.made
    broker.gain({partition_of("a"): 0, partition_of("b"): 0})
    broker.records = [record("a", 0, 1), record("b", 0, 1)]
    assert told(consumer) == [1, 1]
    gone: Collection[int] = [partition_of("a")]
    broker.give(gone)
    assert (set(consumer.holdings("a")), set(consumer.holdings("b"))) == (set(), {"k"})
    broker.handled_offsets.clear()
    broker.records = [record("b", 1, 1), record("b", 2, 2)]
    assert told(consumer) == [2]
    assert set(broker.handled_offsets) == {partition_of("b")}


def test_one_agent_of_several_must_be_named() -> None:
    consumer = Consumer(["a", "b"], group="g")
    with pytest.raises(InvalidValue, match="name one of the agents"):
        consumer.holdings()
    with pytest.raises(InvalidValue, match="name one of the agents"):
        consumer.holdings("c")


def test_closing_disconnects_once() -> None:
    with Consumer("a") as consumer:
        consumer.close()
    [broker] = Broker.made
    assert broker.closed == 1
    assert list(consumer) == []


def test_what_cannot_begin_is_disconnected() -> None:
    with pytest.raises(InvalidValue):
        Consumer("a", cursor=f"{partition_of('a') + 1}:0")
    assert [broker.closed for broker in Broker.made] == [1]


@pytest.mark.parametrize("agents", [[], ["a", "b", "c"]])
def test_the_number_of_agents_is_bounded(
    agents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGENTS_MAX", 2)
    with pytest.raises(InvalidValue, match=f"1 to 2 names, got {len(agents)}"):
        Consumer(agents, group="g")
    assert Broker.made == []
