"""The topics of a real Kafka: planned, applied, repaired, and never deleted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result
from processes import DEADLINE_S, eventually, mortal

from contex.cli.exits import Exit
from contex.local.kafka import Broker
from contex.log import admin
from contex.log.admin import Cluster, TopicState
from contex.log.producer import Producer
from contex.records import Publication, Scope, Value, ValueKey
from contex.records.codec import Codec
from contex.records.message import Message
from contex.records.schema_source import PinnedSchemas
from topology.catalogue import PUBLICATIONS, ROUTING_DEAD_LETTER, TOPICS, UPDATES
from topology.commands.topics import topics as command
from topology.plan import make_plan
from topology.provision import PlanRefused, apply, read


@pytest.fixture(scope="module")
def own_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module alone: it begins empty, and its topics are damaged on purpose."""
    broker = Broker(tmp_path_factory.mktemp("topics"))
    broker.start()
    yield broker.bootstrap
    broker.kill()


@pytest.fixture(scope="module")
def cluster(own_bootstrap: str) -> Cluster:
    return Cluster(own_bootstrap)


@pytest.fixture
def applied(cluster: Cluster) -> Cluster:
    """The cluster with all topics, whatever an earlier test did to their settings."""
    apply(cluster, make_plan(read(cluster)))
    return cluster


def alter(cluster: Cluster, name: str, config: dict[str, str | None]) -> None:
    """Change settings, and wait: brokers hear of it after the controller has answered."""
    cluster.alter(name, config)

    def altered() -> bool:
        got = cluster.describe([name])[name].config
        return all(got.get(setting) == value for setting, value in config.items())

    eventually(altered, f"{name} has {config}")


def run(bootstrap: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"KAFKA_BOOTSTRAP_SERVERS": bootstrap})


def test_an_empty_cluster_is_planned_applied_and_then_as_planned(own_bootstrap: str) -> None:
    planned = run(own_bootstrap, "plan", "--detailed-exitcode")
    assert planned.exit_code == 2, planned.output
    assert f"Plan: {len(TOPICS)} to create, 0 to alter, 0 to delete." in planned.output
    assert "+ contex.publications: 12 partitions, 1 replica" in planned.output

    first = run(own_bootstrap, "apply")
    assert first.exit_code == 0, first.output
    assert f"Applied {len(TOPICS)} of {len(TOPICS)} changes" in first.output

    again = run(own_bootstrap, "apply")
    assert (again.exit_code, again.output) == (
        0,
        "No changes: the cluster is as the catalogue says.\n",
    )
    assert run(own_bootstrap, "plan", "--detailed-exitcode").exit_code == 0


def test_the_topics_stand_as_the_catalogue_says(applied: Cluster) -> None:
    described = applied.describe([topic.name for topic in TOPICS])

    for topic in TOPICS:
        got = described[topic.name]
        assert got.partitions == topic.partitions
        assert got.config == {**topic.config, "min.insync.replicas": "1"}


def test_drift_is_repaired(applied: Cluster, own_bootstrap: str) -> None:
    alter(applied, UPDATES.name, {"retention.ms": "1000", "segment.ms": None})

    planned = run(own_bootstrap, "plan", "--detailed-exitcode")
    done = run(own_bootstrap, "apply")

    assert planned.exit_code == 2
    assert "~ retention.ms: 1000 -> 604800000" in planned.output
    assert "~ segment.ms: not set -> 86400000" in planned.output
    assert "Applied 1 of 1 changes" in done.output
    assert applied.describe([UPDATES.name])[UPDATES.name].config["retention.ms"] == "604800000"


def test_a_keyed_topics_partitions_are_never_changed(applied: Cluster) -> None:
    edited = [replace(topic, partitions=24) if topic.keyed else topic for topic in TOPICS]
    alter(applied, UPDATES.name, {"retention.ms": "1000"})

    plan = make_plan(read(applied), edited)
    with pytest.raises(PlanRefused, match="a migration, not an edit"):
        apply(applied, plan)

    described = applied.describe([topic.name for topic in TOPICS])
    assert {described[topic.name].partitions for topic in TOPICS if topic.keyed} == {12}
    assert described[UPDATES.name].config["retention.ms"] == "1000", "refused means untouched"


def test_dead_letters_grow(applied: Cluster) -> None:
    edited = [replace(ROUTING_DEAD_LETTER, partitions=5)]

    apply(applied, make_plan(read(applied), edited))

    assert applied.describe([ROUTING_DEAD_LETTER.name])[ROUTING_DEAD_LETTER.name].partitions == 5
    assert "never taken away" in make_plan(read(applied)).notices[0].reason


def test_nothing_is_deleted_and_others_topics_are_left_alone(
    applied: Cluster, own_bootstrap: str
) -> None:
    others = {"contex.forgotten", "orders"}
    applied.create(TopicState(name, 1, 1) for name in others)
    eventually(lambda: others <= set(applied.names()), f"{others} are shown")

    output = run(own_bootstrap, "plan").output
    run(own_bootstrap, "apply")

    assert "# contex.forgotten is not in the catalogue: left alone" in output
    assert "orders" not in output
    assert others <= set(applied.names())


def test_two_processes_may_apply_at_once(own_bootstrap: str, applied: Cluster) -> None:
    for name in (UPDATES.name, PUBLICATIONS.name):
        alter(applied, name, {"max.message.bytes": "5"})
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": own_bootstrap}
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                mortal(
                    subprocess.Popen(
                        [sys.executable, "-m", "topology", "apply"],
                        env=environment,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                )
            )
            for _ in range(2)
        ]
        outputs = [process.communicate(timeout=DEADLINE_S)[0] for process in started]

    assert [process.returncode for process in started] == [0, 0], outputs
    assert make_plan(read(applied)).changes == ()


def test_a_cluster_that_is_away_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "CALL_TIMEOUT_S", 0.5)
    answer = run("127.0.0.1:1", "plan")

    assert answer.exit_code == Exit.UNAVAILABLE
    said, next_step = answer.output.splitlines()
    assert said.startswith("Error: ")
    assert "127.0.0.1:1" in said
    assert next_step.startswith("  → KAFKA_BOOTSTRAP_SERVERS says where it is")


async def test_the_largest_records_fit(applied: Cluster, own_bootstrap: str) -> None:
    """What the catalogue grants, the broker grants: 900,000 bytes and their labels."""
    codec = Codec(PinnedSchemas())
    value = Value(b"x" * 900_000, "text/plain", {"label": "y" * 50_000})
    publication = Publication(ValueKey(Scope("a", "b"), "k" * 512), value, "e", 1)
    producer = Producer(own_bootstrap)
    await producer.start()
    try:
        receipt = await producer.send(PUBLICATIONS.name, codec.encode(publication))
        update = Message(b"a/b/agent", b"x" * (8 * 1024 * 1024))
        sent = await producer.send(UPDATES.name, update)
    finally:
        await producer.stop()

    assert applied.end_offsets(PUBLICATIONS.name)[receipt.partition] == receipt.offset + 1
    assert applied.end_offsets(UPDATES.name)[sent.partition] == sent.offset + 1
