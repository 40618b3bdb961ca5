"""The plan: what may be changed, what is refused, what is left alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.catalogue import PUBLICATIONS, ROUTING_DEAD_LETTER, TOPICS, UPDATES, Topic
from topology.plan import (
    Alter,
    Change,
    ClusterState,
    Create,
    Found,
    Grow,
    Plan,
    Setting,
    desired_config,
    is_done,
    make_plan,
)
from topology.report import describe_plan

names = st.sampled_from([topic.name for topic in TOPICS]) | st.sampled_from(
    ["contex.forgotten", "somebody.elses", "__consumer_offsets"]
)
founds = st.builds(
    Found,
    st.integers(1, 24),
    st.integers(1, 3),
    st.dictionaries(
        st.sampled_from(["retention.ms", "cleanup.policy", "min.insync.replicas", "other"]),
        st.sampled_from(["1", "2", "delete"]),
    ),
)
states = st.builds(ClusterState, st.integers(1, 9), st.dictionaries(names, founds))


def as_wanted(topic: Topic, replicas: int = 1) -> Found:
    return Found(topic.partitions, replicas, desired_config(topic, replicas))


def done(state: ClusterState, changes: tuple[Change, ...]) -> ClusterState:
    """Return the cluster after `changes`: a model of what provisioning does."""
    topics = dict(state.topics)
    for change in changes:
        match change:
            case Create(topic=topic, replication_factor=replicas, config=config):
                topics[topic.name] = Found(topic.partitions, replicas, config)
            case Alter(name=name, settings=settings):
                merged = {setting.name: setting.becomes for setting in settings}
                topics[name] = replace(topics[name], config={**topics[name].config, **merged})
            case Grow(name=name, becomes=becomes):
                topics[name] = replace(topics[name], partitions=becomes)
    return ClusterState(state.brokers, topics)


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (7, 3, "2")]
)
def test_an_empty_cluster_gets_every_topic(brokers: int, replicas: int, in_sync: str) -> None:
    plan = make_plan(ClusterState(brokers, {}))

    assert [change.topic for change in plan.changes if isinstance(change, Create)] == list(TOPICS)
    for change in plan.changes:
        assert isinstance(change, Create)
        assert change.replication_factor == replicas
        assert change.config == {**change.topic.config, "min.insync.replicas": in_sync}


def test_a_cluster_as_it_should_be_needs_nothing() -> None:
    state = ClusterState(1, {topic.name: as_wanted(topic) for topic in TOPICS})

    assert make_plan(state) == Plan()
    assert describe_plan(make_plan(state)) == ("No changes: the cluster is as the catalogue says.")


def test_settings_that_differ_are_repaired_and_others_left_alone() -> None:
    config = {
        name: value for name, value in as_wanted(UPDATES).config.items() if name != "segment.ms"
    }
    drifted = Found(12, 1, {**config, "retention.ms": "1000", "compression.type": "zstd"})

    plan = make_plan(ClusterState(1, {UPDATES.name: drifted}), [UPDATES])

    settings = (
        Setting("retention.ms", "1000", "604800000"),
        Setting("segment.ms", None, "86400000"),
    )
    assert plan.changes == (Alter(UPDATES.name, settings),)
    assert [(notice.name, "compression.type" in notice.reason) for notice in plan.notices] == [
        (UPDATES.name, True)
    ]


@pytest.mark.promise(5)
@pytest.mark.parametrize("partitions", [1, 11, 13, 24])
def test_another_partition_count_of_a_keyed_topic_is_refused(partitions: int) -> None:
    found = replace(as_wanted(PUBLICATIONS), partitions=partitions)

    plan = make_plan(ClusterState(1, {PUBLICATIONS.name: found}), [PUBLICATIONS])

    assert plan.changes == ()
    assert [refusal.name for refusal in plan.refusals] == [PUBLICATIONS.name]
    assert f"has {partitions} partitions, the catalogue says 12" in plan.refusals[0].reason
    assert "Nothing is applied" in describe_plan(plan)


def test_dead_letters_may_grow_but_never_shrink() -> None:
    wanted = as_wanted(ROUTING_DEAD_LETTER)
    fewer, more = replace(wanted, partitions=1), replace(wanted, partitions=6)
    topics = [ROUTING_DEAD_LETTER]

    grown = make_plan(ClusterState(1, {ROUTING_DEAD_LETTER.name: fewer}), topics)
    kept = make_plan(ClusterState(1, {ROUTING_DEAD_LETTER.name: more}), topics)

    assert grown == Plan((Grow(ROUTING_DEAD_LETTER.name, 1, 3),))
    assert (kept.changes, kept.refusals) == ((), ())
    assert "never taken away" in kept.notices[0].reason


def test_a_topic_of_one_replica_is_not_asked_for_two_in_sync() -> None:
    """It would refuse every write; more replicas are an operator's move."""
    state = ClusterState(3, {UPDATES.name: as_wanted(UPDATES, replicas=1)})

    plan = make_plan(state, [UPDATES])

    assert plan.changes == ()
    assert "has a replication factor of 1, 3 is possible" in plan.notices[0].reason


def test_unknown_topics_of_ours_are_reported_and_others_ignored() -> None:
    state = ClusterState(
        1,
        {
            "contex.forgotten": Found(1, 1, {}),
            "orders": Found(1, 1, {}),
            "__consumer_offsets": Found(50, 1, {}),
        },
    )

    plan = make_plan(state, [])

    assert plan.changes == ()
    assert [notice.name for notice in plan.notices] == ["contex.forgotten"]


@given(states)
def test_a_plan_made_true_leaves_nothing_to_do(state: ClusterState) -> None:
    plan = make_plan(state)

    after = done(state, plan.changes)
    again = make_plan(after)

    assert all(is_done(change, after) for change in plan.changes)
    assert not any(is_done(change, state) for change in plan.changes)
    assert again.changes == ()
    assert again.refusals == plan.refusals


@given(states)
def test_no_plan_takes_anything_away(state: ClusterState) -> None:
    plan = make_plan(state)
    after = done(state, plan.changes)

    assert set(after.topics) >= set(state.topics)
    for name, found in state.topics.items():
        assert after.topics[name].partitions >= found.partitions
        assert after.topics[name].config.keys() >= found.config.keys()
    known = {topic.name: topic for topic in TOPICS}
    for change in plan.changes:
        assert not (isinstance(change, Grow) and known[change.name].keyed)


@given(states)
def test_any_plan_can_be_told(state: ClusterState) -> None:
    plan = make_plan(state)
    told = describe_plan(plan)

    for remark in (*plan.refusals, *plan.notices):
        assert f"{remark.name} {remark.reason}" in told
    assert told.splitlines()[-1].startswith(("No changes", "Plan: ", "Refused: "))
