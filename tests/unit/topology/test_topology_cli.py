"""The commands' words and exit statuses, against a cluster in memory."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.errors import DependencyAway
from contex.log import admin
from contex.log.admin import TopicState
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, TOPICS, UPDATES
from topology.commands import topics as cli
from topology.plan import desired_config


@pytest.fixture(autouse=True)
def kafka_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "require_kafka", lambda _bootstrap: None)


class Shown:
    """A cluster that has certain topics and takes no orders."""

    def __init__(self, *topics: TopicState, away: bool = False) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._away = away

    def brokers(self) -> int:
        return 1

    def names(self) -> list[str]:
        if self._away:
            raise DependencyAway("listing topics: nobody answers")
        return list(self._topics)

    def describe(self, names: Iterable[str]) -> dict[str, TopicState]:
        return {name: self._topics[name] for name in names}


def run(monkeypatch: pytest.MonkeyPatch, cluster: Shown, *arguments: str) -> Result:
    monkeypatch.setattr(admin, "Cluster", lambda _bootstrap: cluster)
    environment = {"KAFKA_BOOTSTRAP_SERVERS": "broker.example:9092"}
    return CliRunner().invoke(cli.topics, arguments, env=environment)


def test_a_stack_that_runs_here_is_found_where_the_environment_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def cluster(bootstrap: str) -> Shown:
        asked.append(bootstrap)
        return as_wanted()

    run_json = {
        "pid": os.getpid(),
        "bootstrap": "127.0.0.1:19092",
        "index_port": 16334,
        "gateway_url": "http://127.0.0.1:18000",
        "children": {},
    }
    (tmp_path / "run.json").write_text(json.dumps(run_json))
    monkeypatch.setattr(admin, "Cluster", cluster)
    for environ in ({"KAFKA_BOOTSTRAP_SERVERS": None}, {"KAFKA_BOOTSTRAP_SERVERS": "mine:9092"}):
        result = CliRunner().invoke(cli.topics, ["plan", "--data", str(tmp_path)], env=environ)
        assert result.exit_code == 0, result.output
    assert asked == ["127.0.0.1:19092", "mine:9092"]


def as_wanted() -> Shown:
    return Shown(
        *(TopicState(topic.name, topic.partitions, 1, desired_config(topic, 1)) for topic in TOPICS)
    )


@pytest.mark.parametrize(
    ("cluster", "arguments", "status", "says"),
    [
        (Shown(), ("plan",), 0, "Plan: 11 to create, 0 to alter, 0 to delete."),
        (Shown(), ("plan", "--detailed-exitcode"), 2, "+ contex.publications: 12 partitions"),
        (as_wanted(), ("plan", "--detailed-exitcode"), 0, "No changes"),
        (as_wanted(), ("apply",), 0, "No changes"),
        (Shown(TopicState(PUBLICATIONS.name, 6, 1)), ("plan",), 1, "! contex.publications has 6"),
        (Shown(TopicState(PUBLICATIONS.name, 6, 1)), ("apply",), 1, "Nothing is applied."),
        (Shown(away=True), ("plan",), 5, "Error: listing topics: nobody answers"),
        (Shown(away=True), ("apply",), 5, "Kafka is looked for at broker.example:9092."),
    ],
)
def test_the_status_says_what_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
    cluster: Shown,
    arguments: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    result = run(monkeypatch, cluster, *arguments)

    assert (result.exit_code, says in result.output) == (status, True), result.output


def test_a_broker_that_is_away_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(bootstrap: str) -> None:
        raise Failed(f"Kafka does not answer; {bootstrap}", status=Exit.UNAVAILABLE)

    monkeypatch.setattr(cli, "require_kafka", away)
    for command in ("plan", "apply"):
        result = run(monkeypatch, Shown(away=True), command)
        assert (result.exit_code, "Kafka does not answer" in result.output) == (5, True)


def test_a_plan_is_also_json(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Shown(
        TopicState(PUBLICATIONS.name, 6, 1),
        TopicState(
            UPDATES.name, UPDATES.partitions, 1, {**desired_config(UPDATES, 1), "retention.ms": "1"}
        ),
    )
    result = run(monkeypatch, few, "plan", "--json")

    made = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["topic"] for one in made["refusals"]] == [PUBLICATIONS.name]
    by_topic = {one["topic"]: one for one in made["changes"]}
    was = {"was": "1", "becomes": desired_config(UPDATES, 1)["retention.ms"]}
    assert by_topic[UPDATES.name] == {
        "topic": UPDATES.name,
        "action": "alter",
        "config": {"retention.ms": was},
    }
    created = by_topic[REGISTRATIONS.name]
    assert (created["action"], created["partitions"]) == ("create", REGISTRATIONS.partitions)


def test_a_setting_that_is_refused_is_named() -> None:
    result = CliRunner().invoke(cli.topics, ["plan"], env={"CONTEX_PORT": "front door"})

    assert result.exit_code == 1
    assert "CONTEX_PORT" in result.output
    assert "Traceback" not in result.output
