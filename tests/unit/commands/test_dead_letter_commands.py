"""`contex dead-letters` over a log in memory: what is asked, what is shown, what is written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from log_twin import LogTwin

from contex.cli.failures import Failed
from contex.cli.main import main
from contex.dead_letters.letter import read_letter
from contex.dead_letters.verdicts import Judged, Verdict
from contex.errors import DependencyAway, InvalidRecord
from contex.records.dead_letter import dead_letter
from contex.records.message import Message, Received
from contex.records.redriven import Place
from topology.catalogue import PUBLICATIONS, ROUTING_DEAD_LETTER, TOPICS
from topology.commands import letters_work, where

LETTERS = ROUTING_DEAD_LETTER.name


@dataclass
class Kafka(LogTwin):
    """The log, as the commands open and close it."""

    stopped: int = 0

    async def start(self) -> None:
        """Be there."""

    async def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kafka]:
    log = Kafka({topic.name: topic.partitions for topic in TOPICS})
    monkeypatch.setattr(letters_work, "Reader", lambda _bootstrap: log)
    monkeypatch.setattr(letters_work, "Producer", lambda _bootstrap, **_: log)
    monkeypatch.setattr(where, "require_kafka", lambda _bootstrap: None)
    monkeypatch.setattr(where, "surroundings", _Nothing)
    yield log
    assert log.stopped or not any(log.partitions.values())


@dataclass(frozen=True)
class _Nothing:
    """No stack runs here."""

    environ: Mapping[str, str]
    data: Path
    uses_dev: bool = False


def bury(log: Kafka, key: bytes, value: bytes = b"{}", words: str = "no schema") -> Received:
    """Write a record and give it up; return the dead letter."""
    failed = log.append(PUBLICATIONS.name, Message(key, value))
    error = InvalidRecord(words)
    return log.append(LETTERS, dead_letter(failed, stage="routing", error=error, at_ms=5))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["dead-letters", *arguments])


def test_none_is_no_failure(kafka: Kafka) -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No dead letters." in result.stderr
    assert kafka.all(LETTERS) == []


def test_a_list_says_when_where_and_why(kafka: Kafka) -> None:
    letter = bury(kafka, b"default/demo/orders/1", words="no [schema]\nat all")
    result = run("list")
    assert result.exit_code == 0, result.output
    assert str(Place.of(letter)) in result.stdout.split(), "a place is copied, in one piece"
    for word in ("default/demo/orders/1", "InvalidRecord", "no [schema]"):
        assert word in " ".join(result.stdout.split())
    assert "1 dead letter" in result.stderr


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ((), 3),
        (("--project", "demo"), 2),
        (("--project", "demo", "--key", "orders/*"), 1),
        (("--class", "InvalidRecord"), 3),
        (("--class", "InvalidValue"), 0),
        (("--stage", "webhooks"), 0),
        (("--tenant", "nobody"), 0),
        (("--limit", "2"), 2),
    ],
)
def test_filters_choose(kafka: Kafka, filters: tuple[str, ...], count: int) -> None:
    for key in (b"default/demo/orders/1", b"default/demo/other", b"default/web/orders/1"):
        bury(kafka, key)
    told = json.loads(run("list", "--json", *filters).stdout)
    assert (told["count"], len(told["dead_letters"])) == (count, count)
    assert told["more"] is (filters == ("--limit", "2"))


def test_one_letter_is_shown_in_full(kafka: Kafka) -> None:
    letter = bury(kafka, b"default/demo/db", b'{"host": "db"}')
    place = str(Place.of(letter))
    shown = run("show", place)
    assert shown.exit_code == 0, shown.output
    for word in ("key: default/demo/db", "in routing", '"host": "db"', "no schema"):
        assert word in shown.stdout

    told = json.loads(run("show", place, "--json").stdout)
    assert (told["place"], told["value"]["form"]) == (place, "json")
    assert told["key_base64"] == "ZGVmYXVsdC9kZW1vL2Ri"


def test_a_letter_cannot_steer_the_terminal(kafka: Kafka) -> None:
    letter = bury(kafka, b"default/demo/\x1b[2J", b"\x1b]0;owned\x07", words="\x1b[2J")
    for arguments in (("list",), ("show", str(Place.of(letter))), ("redrive", "--all", "--yes")):
        result = run(*arguments)
        assert "\x1b" not in result.output, arguments
        assert "\\x1b" in result.stdout, arguments


def test_where_no_letter_stands_the_status_is_3(kafka: Kafka) -> None:
    bury(kafka, b"default/demo/db")
    for command in (("show",), ("redrive", "--yes")):
        result = run(*command, f"{LETTERS}:0:99")
        assert result.exit_code == 3, result.output
        assert f"no dead letter stands at {LETTERS}:0:99" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("redrive",), "name a PLACE, give a filter, or say --all"),
        (("redrive", f"{LETTERS}:0:1", "--all"), "not both"),
        (("redrive", "--all"), "nobody can be asked here: say --yes"),
        (("show", "somewhere"), "expected topic:partition:offset, got 'somewhere'"),
        (("show", f"{PUBLICATIONS.name}:0:1"), "holds no dead letters"),
        (("list", "--since", "yesterday"), "is neither an age"),
    ],
)
def test_a_wrong_command_line_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.setattr(letters_work, "Reader", None)
    result = run(*arguments)
    assert (result.exit_code, says in " ".join(result.stderr.split())) == (2, True), result.stderr


def test_a_dry_run_writes_nothing(kafka: Kafka) -> None:
    bury(kafka, b"default/demo/db")
    before = len(kafka.all(PUBLICATIONS.name)), len(kafka.all(LETTERS))
    result = run("redrive", "--all", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["dry_run"], told["counts"]) == (True, {"redrive": 1})
    assert (len(kafka.all(PUBLICATIONS.name)), len(kafka.all(LETTERS))) == before


def test_a_letter_goes_back_and_the_list_says_so(kafka: Kafka) -> None:
    letter = bury(kafka, b"default/demo/db", b"\0junk")
    result = run("redrive", str(Place.of(letter)), "--yes")
    assert result.exit_code == 0, result.output
    assert "default/demo/db  redriven to contex.publications:" in result.stdout
    assert [one.value for one in kafka.all(PUBLICATIONS.name)] == [b"\0junk", b"\0junk"]
    [listed] = json.loads(run("list", "--json").stdout)["dead_letters"]
    assert listed["redriven"]["to"].startswith("contex.publications:")

    again = run("redrive", "--all", "--yes")
    assert (again.exit_code, "already-redriven" in again.stdout) == (0, True), again.output


def test_what_is_stale_stays_and_the_status_is_1_unless_it_is_forced(kafka: Kafka) -> None:
    letter = bury(kafka, b"default/demo/db", b"old")
    kafka.append(PUBLICATIONS.name, Message(b"default/demo/db", b"new"))
    refused = run("redrive", str(Place.of(letter)), "--yes")
    assert (refused.exit_code, "stale" in refused.stdout) == (1, True), refused.output
    assert run("redrive", str(Place.of(letter)), "--yes", "--force").exit_code == 0
    assert kafka.all(PUBLICATIONS.name)[-1].value == b"old"


def test_a_broker_that_goes_away_ends_it_with_5(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DependencyAway("reading: nobody answers")

    bury(kafka, b"default/demo/db")
    monkeypatch.setattr(Kafka, "bounds", away)
    result = run("list")
    assert result.exit_code == 5, result.output
    assert "Error: reading: nobody answers" in result.stderr
    assert "`contex doctor`" in result.stderr


def test_who_says_no_is_not_taken_for_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    letter = read_letter(Received(LETTERS, 0, 1, 5, b"default/demo/db", b"x"))
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    with pytest.raises(Failed) as refused:
        letters_work._ask([Judged(letter, Verdict.REDRIVE)])
    assert (refused.value.exit_code, refused.value.message) == (1, "nothing was redriven")


def test_a_letter_whose_headers_cannot_be_read_is_shown_all_the_same(kafka: Kafka) -> None:
    place = Place.of(kafka.append(LETTERS, Message(b"k", None)))
    listed = run("list")
    assert "its headers cannot be read" in " ".join(listed.stdout.split())
    shown = run("show", str(place))
    assert shown.exit_code == 0, shown.output
    assert "value: none (a tombstone)" in shown.stdout
