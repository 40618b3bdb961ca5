"""Administration of a real cluster."""

import uuid

import pytest

from contex.errors import DependencyAway
from contex.log import admin as module
from contex.log.admin import Cluster, TopicState
from contex.log.failures import LogMisuse

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def cluster(bootstrap: str) -> Cluster:
    return Cluster(bootstrap)


@pytest.fixture
def name() -> str:
    return f"admin-{uuid.uuid4().hex}"


def test_a_topic_is_what_was_created(cluster: Cluster, name: str) -> None:
    wanted = TopicState(name, 12, 1, {"cleanup.policy": "compact", "retention.ms": "7000"})
    assert cluster.create([wanted]) == [name]
    assert cluster.describe([name, "absent"]) == {name: wanted}
    assert cluster.create([wanted]) == []


def test_settings_are_altered_one_by_one(cluster: Cluster, name: str) -> None:
    cluster.create([TopicState(name, 1, 1, {"retention.ms": "7000", "segment.ms": "9000"})])
    cluster.alter(name, {"retention.ms": "8000", "segment.ms": None})
    assert cluster.describe([name])[name].config == {"retention.ms": "8000"}


def test_nonsense_is_refused_with_the_clusters_words(cluster: Cluster, name: str) -> None:
    with pytest.raises(LogMisuse, match="replication"):
        cluster.create([TopicState(name, 1, 3)])
    with pytest.raises(LogMisuse, match=r"no\.such\.setting"):
        cluster.create([TopicState(name, 1, 1, {"no.such.setting": "1"})])
    cluster.create([TopicState(name, 1, 1)])
    with pytest.raises(LogMisuse, match="INVALID_CONFIG"):
        cluster.alter(name, {"retention.ms": "soon"})
    with pytest.raises(LogMisuse, match="no such topic"):
        cluster.end_offsets("absent")


def test_brokers_and_ends(cluster: Cluster, name: str) -> None:
    cluster.create([TopicState(name, 3, 1)])
    assert cluster.brokers() == 1
    assert cluster.end_offsets(name) == {0: 0, 1: 0, 2: 0}


def test_a_topic_that_grew_has_a_leader_of_every_partition(cluster: Cluster, name: str) -> None:
    cluster.create([TopicState(name, 1, 1)])
    # The client has looked, and remembers that there is no second partition.
    assert cluster.end_offsets(name) == {0: 0}
    cluster.grow(name, 3)
    assert cluster.end_offsets(name) == {0: 0, 1: 0, 2: 0}


def test_no_broker_is_a_dependency_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_TIMEOUT_S", 0.5)
    with pytest.raises(DependencyAway):
        Cluster(NOWHERE).brokers()
