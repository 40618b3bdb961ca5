"""What the doctor makes of groups, dead letters, schemas and indexes, without any of them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from log_twin import LogTwin

from contex.errors import DependencyAway
from contex.index import inspection
from contex.index.inspection import IndexState, ServerState
from contex.log.inspection import Group
from contex.log.lag import Span
from contex.log.registry import Standing
from contex.records.message import Message
from contex.records.redriven import Note, write_note
from contex.records.redriven import Place as Place_
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, ROUTING_DEAD_LETTER, UPDATES
from topology.doctor import checks, cluster, index, registry
from topology.doctor.findings import Finding, Level
from topology.doctor.kafka import Facts
from topology.doctor.surroundings import Surroundings, surroundings
from topology.stages import WEBHOOKS, routing_group

Place = tuple[str, int]


def around(environ: dict[str, str] | None = None) -> Surroundings:
    return surroundings(environ or {}, Path("nowhere"))


class Cluster:
    """A cluster of canned answers.

    Attributes:
        members: how many each group has.
        looks: where a group stands at each look, by place; the last one stays.
        letters: how many were given up, by topic.
    """

    def __init__(self) -> None:
        self.members: dict[str, int] = {}
        self.looks: list[dict[Place, Span]] = [{}]
        self.letters: dict[str, int] = {}
        self.asked: list[Sequence[str]] = []
        self.slept_s: list[float] = []
        self.since_ms: list[int] = []

    def groups(self, names: Sequence[str]) -> Mapping[str, Group]:
        self.asked.append(names)
        return {
            name: Group(name, "stable" if self.members.get(name) else "dead",
                        self.members.get(name, 0))
            for name in names
        }  # fmt: skip

    def records_since(self, topics: Mapping[str, int], since_ms: int) -> Mapping[str, int]:
        self.since_ms.append(since_ms)
        return {name: self.letters.get(name, 0) for name in topics}

    def spans(self, places: Iterable[Place]) -> dict[Place, Span]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {place: look.get(place, Span(7, 7)) for place in places}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    fake = Cluster()
    monkeypatch.setattr(cluster, "Inspection", lambda _bootstrap: fake)
    monkeypatch.setattr(cluster, "GroupLag", lambda _bootstrap, _group, _topics: fake)
    monkeypatch.setattr(time, "sleep", fake.slept_s.append)
    return fake


ROUTING = routing_group("index-1")
FACTS = Facts(index_ids=["index-1"])


def only(found: Sequence[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_without_an_index_no_worker_has_ever_run(kafka: Cluster) -> None:
    found = only(cluster.look_at_routing(around(), Facts()))
    assert (found.level, found.text) == (Level.FAIL, "no routing worker has built an index yet")
    assert kafka.asked == []


def test_a_group_without_members_matches_nothing(kafka: Cluster) -> None:
    found = only(cluster.look_at_routing(around(), FACTS))
    assert found.level is Level.FAIL
    assert f"no routing worker runs (group {ROUTING})" in found.text
    assert kafka.asked == [[ROUTING]]


@pytest.mark.parametrize(("members", "words"), [(1, "1 worker"), (3, "3 workers")])
def test_a_group_that_is_not_behind_is_well_at_the_first_look(
    kafka: Cluster, members: int, words: str
) -> None:
    kafka.members[ROUTING] = members
    found = only(cluster.look_at_routing(around(), FACTS))
    assert (found.level, found.text) == (Level.OK, f"{words}, nothing waits (stable)")
    assert kafka.slept_s == []


def test_of_several_indexes_those_at_work_are_told(kafka: Cluster) -> None:
    kafka.members[routing_group("b")] = 1
    found = only(cluster.look_at_routing(around(), Facts(index_ids=["a", "b"])))
    assert found.level is Level.OK


@pytest.mark.parametrize(
    ("second", "level", "says"),
    [
        (Span(2, 12), Level.WARN, "10 records wait, none taken in 1 s"),
        (Span(5, 12), Level.OK, "7 records wait, 3 taken in 1 s"),
        (Span(5, 5), Level.OK, "0 records wait"),
        (Span(11, 12), Level.OK, "1 record waits, 9 taken in 1 s"),
    ],
)
def test_a_group_that_is_behind_is_looked_at_twice(
    kafka: Cluster, second: Span, level: Level, says: str
) -> None:
    kafka.members[ROUTING] = 1
    place = (REGISTRATIONS.name, 3)
    kafka.looks = [{place: Span(2, 12)}, {place: second}]
    found = only(cluster.look_at_routing(around(), FACTS))
    assert (found.level, says in found.text) == (level, True), found
    assert kafka.slept_s == [cluster.SECOND_LOOK_S]


def test_a_log_that_ends_before_what_was_read_is_another_one(kafka: Cluster) -> None:
    kafka.members[ROUTING] = 1
    kafka.looks = [{(PUBLICATIONS.name, number): Span(100, 4) for number in range(5)}]
    found = only(cluster.look_at_routing(around(), FACTS))
    assert found.level is Level.FAIL
    assert "contex.publications/2 and 2 more ends before what" in found.text
    assert "docs/operating.md" in found.step


def test_webhooks_without_a_worker_wait(kafka: Cluster) -> None:
    found = only(cluster.look_at_webhooks(around()))
    assert kafka.asked == [[WEBHOOKS.group]]
    assert found.level is Level.WARN
    assert f"(group {WEBHOOKS.group}): webhooks wait" in found.text


def test_webhooks_are_behind_by_their_updates(kafka: Cluster) -> None:
    kafka.members[str(WEBHOOKS.group)] = 2
    kafka.looks = [{(UPDATES.name, 0): Span(0, 4)}]
    found = only(cluster.look_at_webhooks(around()))
    assert (found.level, "2 workers (stable), 4 records wait" in found.text) == (Level.WARN, True)


def test_dead_letters_of_a_day_are_counted_topic_by_topic(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 100_000.0)
    assert only(cluster.look_at_dead_letters(around())).level is Level.OK
    kafka.letters[ROUTING_DEAD_LETTER.name] = 1_234
    found = only(cluster.look_at_dead_letters(around()))
    assert found.level is Level.WARN
    assert found.text == f"at most 1,234 within a day in {ROUTING_DEAD_LETTER.name}"
    assert kafka.since_ms == [100_000_000 - 86_400_000] * 2


@pytest.mark.parametrize("letters", [0, 1, 4])
def test_notes_of_redrives_are_no_dead_letters(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch, letters: int
) -> None:
    topic = ROUTING_DEAD_LETTER.name
    log = LogTwin({topic: 2})
    for _ in range(letters):
        log.append(topic, Message(b"k", b"x"))
    log.append(topic, write_note(Note(Place_(topic, 0, 0), Place_("values", 0, 0), 1), b"k"))
    stopped: list[str] = []

    async def stop() -> None:
        stopped.append("stopped")

    log.stop = stop  # type: ignore[attr-defined]
    monkeypatch.setattr(cluster, "Reader", lambda _bootstrap: log)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    kafka.letters[topic] = letters + 1

    found = only(cluster.look_at_dead_letters(around()))
    said = f"{letters} within a day in {topic}" if letters else "none within a day"
    assert (found.text, stopped) == (said, ["stopped"])


def test_another_program_at_the_port_of_the_index_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "the index is away: UNAVAILABLE: last error: Failed parsing HTTP/2 (Expected SETTINGS"

    async def look(*_: object) -> ServerState:
        raise DependencyAway(said)

    monkeypatch.setattr(index, "knock", lambda _host, _port: None)
    monkeypatch.setattr(inspection, "look", look)
    found = only(index.look_at_index(around(), Facts()))
    assert found.level is Level.FAIL
    assert found.text.endswith("something answers, but it is not Qdrant's gRPC interface")
    assert "QDRANT_GRPC_PORT" in found.step


class Registry:
    """A schema registry of one opinion about everything, with exceptions."""

    def __init__(self, standing: Standing, **exceptions: Standing) -> None:
        self._standing = standing
        self._exceptions = exceptions

    def standing(self, _topic: str, name: str) -> Standing:
        return self._exceptions.get(name.rpartition(".")[2], self._standing)


@pytest.mark.parametrize(
    ("fake", "level", "says"),
    [
        (Registry(Standing.CURRENT), Level.OK, "has all "),
        (Registry(Standing.EMPTY), Level.WARN, "lacks this release's: "),
        (Registry(Standing.CURRENT, update=Standing.OLDER), Level.WARN, "lacks this release's: "),
        (Registry(Standing.EMPTY, update=Standing.REFUSED), Level.FAIL, "refuses as incompatible"),
    ],
)
def test_a_registry_is_asked_about_every_schema(
    monkeypatch: pytest.MonkeyPatch, fake: Registry, level: Level, says: str
) -> None:
    monkeypatch.setattr(registry, "RegistrySchemas", lambda _url: fake)
    where = around({"SCHEMA_REGISTRY_URL": "http://ada:hunter2@registry:8081"})
    found = only(registry.look_at_schemas(where))
    assert (found.level, says in found.text) == (level, True), found
    assert "hunter2" not in found.text


def test_no_registry_is_well() -> None:
    assert only(registry.look_at_schemas(around())).level is Level.OK


@pytest.mark.parametrize(
    ("version", "state", "level", "says"),
    [
        ("1.18.0", IndexState("f", "0123456789"), Level.OK, "f is whole, id 01234567"),
        ("1.20.3", IndexState("f", None), Level.WARN, "f has no id yet"),
        ("1.18.0", IndexState("f", "0", ("needs", "values")), Level.FAIL, "lost its needs, values"),
        ("1.9.9", IndexState("f", "0"), Level.WARN, "Contex needs 1.18 or newer."),
        ("dev", IndexState("f", "0"), Level.WARN, "version dev"),
    ],
)
def test_an_index_is_as_whole_as_its_collections(
    monkeypatch: pytest.MonkeyPatch, version: str, state: IndexState, level: Level, says: str
) -> None:
    async def look(*_: object) -> ServerState:
        return ServerState(version, (state,))

    monkeypatch.setattr(index, "knock", lambda _host, _port: None)
    monkeypatch.setattr(inspection, "look", look)
    facts = Facts()
    found = index.look_at_index(around(), facts)
    assert any(one.level is level and says in f"{one.text} {one.step}" for one in found), found
    assert facts.index_ids == ([state.index_id] if state.index_id else [])


def test_every_check_needs_only_what_is_looked_at_before() -> None:
    table = checks.checks(around())
    titles = [check.title for check in table]
    assert len(set(titles)) == len(titles)
    for number, check in enumerate(table):
        assert set(check.needs) <= set(titles[:number]), check.title


def test_a_later_check_is_imported_and_handed_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed: list[Any] = []
    monkeypatch.setattr(cluster, "look_at_webhooks", handed.append)
    where = around()
    [webhooks] = [check for check in checks.checks(where) if check.title == "webhooks"]
    webhooks.look()
    assert handed == [where]
