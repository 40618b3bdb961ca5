"""Provisioning against a cluster in memory: what is called, in which order, when it is done."""

from collections.abc import Iterable, Mapping

import pytest

from contex.errors import DependencyAway
from contex.log.admin import TopicState
from topology.catalogue import PUBLICATIONS, ROUTING_DEAD_LETTER, TOPICS
from topology.plan import ClusterState, Create, make_plan
from topology.provision import VISIBLE_TIMEOUT_S, PlanRefused, apply, read


class FakeCluster:
    """A cluster of so many brokers that shows a new topic only when it has been asked often."""

    def __init__(self, *topics: TopicState, brokers: int = 1, hidden_for_calls: int = 0) -> None:
        self.topics = {topic.name: topic for topic in topics}
        self.calls: list[str] = []
        self._brokers = brokers
        self._hidden_for_calls = hidden_for_calls

    def brokers(self) -> int:
        return self._brokers

    def names(self) -> list[str]:
        if self.calls:
            self._hidden_for_calls -= 1
        return [] if self._hidden_for_calls > 0 else list(self.topics)

    def describe(self, names: Iterable[str]) -> dict[str, TopicState]:
        return {name: self.topics[name] for name in names if name in self.topics}

    def create(self, topics: Iterable[TopicState]) -> list[str]:
        new = [topic for topic in topics if topic.name not in self.topics]
        self.topics |= {topic.name: topic for topic in new}
        self.calls.append(f"create {len(new)}")
        return [topic.name for topic in new]

    def alter(self, name: str, config: Mapping[str, str | None]) -> None:
        before = self.topics[name]
        merged = {**before.config, **{key: value for key, value in config.items() if value}}
        self.topics[name] = TopicState(name, before.partitions, before.replication_factor, merged)
        self.calls.append(f"alter {name}")

    def grow(self, name: str, partitions: int) -> None:
        before = self.topics[name]
        self.topics[name] = TopicState(name, partitions, before.replication_factor, before.config)
        self.calls.append(f"grow {name}")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, duration_s: float) -> None:
        self.now += duration_s


def test_an_empty_cluster_is_provisioned_at_once_and_then_left_alone() -> None:
    cluster = FakeCluster(brokers=3)

    done = apply(cluster, make_plan(read(cluster)))

    assert len(done) == len(TOPICS)
    assert cluster.calls == [f"create {len(TOPICS)}"]
    assert {topic.replication_factor for topic in cluster.topics.values()} == {3}
    assert make_plan(read(cluster)).changes == ()


def test_drift_is_repaired_and_dead_letters_grow() -> None:
    cluster = FakeCluster(
        TopicState(PUBLICATIONS.name, 12, 1, {"cleanup.policy": "delete"}),
        TopicState(ROUTING_DEAD_LETTER.name, 1, 1, {}),
    )

    apply(cluster, make_plan(read(cluster)))

    assert make_plan(read(cluster)).changes == ()
    assert cluster.topics[PUBLICATIONS.name].config["cleanup.policy"] == "compact"
    assert cluster.topics[ROUTING_DEAD_LETTER.name].partitions == 3


def test_a_refused_plan_changes_nothing() -> None:
    cluster = FakeCluster(TopicState(PUBLICATIONS.name, 6, 1, {}))

    with pytest.raises(PlanRefused, match="has 6 partitions"):
        apply(cluster, make_plan(read(cluster)))

    assert cluster.calls == []


def test_what_another_process_created_first_is_not_reported_as_done() -> None:
    plan = make_plan(ClusterState(1, {}))
    cluster = FakeCluster(TopicState(PUBLICATIONS.name, 12, 1, {}))

    done = apply(cluster, plan)

    assert [change.topic for change in done if isinstance(change, Create)] == [
        topic for topic in TOPICS if topic is not PUBLICATIONS
    ]


def test_it_is_done_when_the_cluster_shows_every_topic() -> None:
    clock, cluster = Clock(), FakeCluster(hidden_for_calls=5)

    apply(cluster, make_plan(ClusterState(1, {})), clock=clock, sleep=clock.sleep)

    assert 0 < clock.now < VISIBLE_TIMEOUT_S


def test_a_cluster_that_never_shows_a_topic_is_away() -> None:
    clock, cluster = Clock(), FakeCluster(hidden_for_calls=10**9)

    with pytest.raises(DependencyAway, match="not visible"):
        apply(cluster, make_plan(ClusterState(1, {})), clock=clock, sleep=clock.sleep)

    assert clock.now == pytest.approx(VISIBLE_TIMEOUT_S, abs=1)
