"""The catalogue and the stages agree with each other, and with the promises."""

import re

import pytest

import schemas
from contex.records.publication import INLINE_BYTES_MAX
from topology.catalogue import (
    DAY_MS,
    PUBLICATIONS,
    REGISTRATIONS,
    RETRY_LANES,
    ROUTING_DEAD_LETTER,
    TOPICS,
    UPDATES,
    WEBHOOKS_DEAD_LETTER,
    Cleanup,
    Key,
    Topic,
)
from topology.stages import STAGES, Stage, routing_group

VALUE_BYTES_MAX = 900_000

each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
each_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def test_names_are_unique() -> None:
    names = [topic.name for topic in TOPICS]

    assert sorted(set(names)) == sorted(names)


@each_topic
def test_a_topic_says_whose_it_is_and_what_it_carries(topic: Topic) -> None:
    assert topic.name.startswith("contex.")
    assert topic.owner in {stage.name for stage in STAGES}
    assert topic.doc.endswith(".")
    assert topic.schema in {*schemas.RECORDS, None}


@each_topic
def test_only_dead_letters_are_raw(topic: Topic) -> None:
    assert (topic.schema is None) == topic.name.endswith(".dead-letter")
    assert (topic.key is Key.ORIGINAL) == (topic.schema is None)
    assert topic.keyed == (topic.schema is not None)


def test_keyed_topics_are_partitioned_alike() -> None:
    """A worker owns a key wherever it appears."""
    assert {topic.partitions for topic in TOPICS if topic.keyed} == {12}


@each_topic
def test_the_brokers_clock_stamps_every_record(topic: Topic) -> None:
    assert topic.config["message.timestamp.type"] == "LogAppendTime"


@each_topic
def test_cleanup_is_said_once(topic: Topic) -> None:
    assert topic.config["cleanup.policy"] == topic.cleanup.value
    if topic.cleanup is Cleanup.COMPACT:
        assert topic.retention_ms is None
    else:
        assert topic.retention_ms is not None
        assert topic.config["retention.bytes"] == "-1"
        assert int(topic.config["segment.ms"]) <= topic.retention_ms


@pytest.mark.parametrize("lane", RETRY_LANES, ids=lambda lane: lane.name)
def test_a_lane_keeps_its_records_twice_its_delay_and_a_week(lane: Topic) -> None:
    assert lane.delay_s is not None
    assert lane.retention_ms == 2 * lane.delay_s * 1_000 + 7 * DAY_MS


def test_the_lanes_ascend_and_are_named_after_their_delay() -> None:
    unit_s = {"s": 1, "m": 60, "h": 3_600}
    named = [lane.name.rpartition(".")[2] for lane in RETRY_LANES]

    assert named == ["5s", "1m", "10m", "1h", "6h"]
    assert [lane.delay_s for lane in RETRY_LANES] == [
        int(name[:-1]) * unit_s[name[-1]] for name in named
    ]
    assert {lane.schema for lane in RETRY_LANES} == {UPDATES.schema}


@pytest.mark.promise(3)
def test_a_worker_may_be_away_for_a_month_and_still_learn_of_a_deletion() -> None:
    for topic in (PUBLICATIONS, REGISTRATIONS):
        assert int(topic.config["delete.retention.ms"]) >= 30 * DAY_MS
    assert int(PUBLICATIONS.config["min.compaction.lag.ms"]) == 30 * DAY_MS


def test_the_largest_record_fits_wherever_it_goes() -> None:
    """A value into publications; an update into every lane; each into its dead letters."""

    def bytes_max(topic: Topic) -> int:
        return int(topic.config["max.message.bytes"])

    assert bytes_max(PUBLICATIONS) > VALUE_BYTES_MAX + 64 * 1024
    assert bytes_max(UPDATES) > 8 * 1024 * 1024 > INLINE_BYTES_MAX
    assert {bytes_max(lane) for lane in RETRY_LANES} == {bytes_max(UPDATES)}
    assert bytes_max(ROUTING_DEAD_LETTER) >= bytes_max(PUBLICATIONS) + 64 * 1024
    assert bytes_max(ROUTING_DEAD_LETTER) >= bytes_max(REGISTRATIONS) + 64 * 1024
    assert bytes_max(WEBHOOKS_DEAD_LETTER) >= bytes_max(UPDATES) + 64 * 1024


def test_the_schemas_and_the_catalogue_name_the_same_topics() -> None:
    """A registry holds a schema under the topic that its record was first written for."""
    carries = {topic.name: topic.schema for topic in TOPICS}
    subjects = schemas.subject_topics()

    assert {record: carries[topic] for record, topic in subjects.items()} == {
        record: record for record in schemas.RECORDS
    }


@each_stage
def test_a_stages_topics_are_in_the_catalogue(stage: Stage) -> None:
    assert {*stage.reads, *stage.writes} <= set(TOPICS)
    assert stage.dead_letter is None or stage.dead_letter in TOPICS


@each_stage
def test_a_stage_that_consumes_in_a_group_has_somewhere_to_give_up(stage: Stage) -> None:
    assert (stage.group is None) == (stage.dead_letter is None)
    if stage.dead_letter is not None:
        assert stage.dead_letter.name == f"contex.{stage.name}.dead-letter"
        assert stage.dead_letter.owner == stage.name


def test_every_topic_is_written_by_its_owner() -> None:
    written = {
        topic.name: stage.name
        for stage in STAGES
        for topic in (*stage.writes, *([stage.dead_letter] if stage.dead_letter else []))
    }

    assert written == {topic.name: topic.owner for topic in TOPICS}


def test_a_new_index_begins_a_new_group() -> None:
    assert routing_group("a1b2") == "contex.routing.a1b2"
    assert routing_group("a1b2") != routing_group("c3d4")
    for illegal in ("", "a b", "a/b", "x" * 129):
        with pytest.raises(ValueError, match=re.escape(repr(illegal))):
            routing_group(illegal)
