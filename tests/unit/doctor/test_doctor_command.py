"""The examination as a whole: side by side, bounded, in order, and told with a status."""

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from contex.cli.main import main
from contex.errors import DependencyAway
from topology.commands import doctor
from topology.doctor.cluster import topics_findings
from topology.doctor.examination import Check, examine
from topology.doctor.findings import Finding, Level, fail, ok, summary, warn
from topology.plan import ClusterState, Found, make_plan


def good() -> Sequence[Finding]:
    return [ok("good", "is well")]


def away() -> Sequence[Finding]:
    raise DependencyAway("nobody answers")


def broken() -> Sequence[Finding]:
    raise KeyError("oops")


def absent() -> Sequence[Finding]:
    raise ModuleNotFoundError("No module named 'faust'", name="faust")


def look(*checks: Check, deadline_s: float = 60.0) -> dict[str, Finding]:
    return {title: findings[0] for title, findings in examine(checks, deadline_s)}


def test_what_cannot_be_known_is_not_looked_at() -> None:
    found = look(
        Check("good", good),
        Check("away", away),
        Check("on good", good, ("good",)),
        Check("on away", good, ("good", "away")),
        Check("on that", good, ("on away",)),
    )
    assert {name: one.level.value for name, one in found.items()} == {
        "good": "ok",
        "away": "fail",
        "on good": "ok",
        "on away": "skip",
        "on that": "skip",
    }
    assert found["away"].text == "nobody answers"


def test_a_bug_in_a_check_and_a_missing_library_are_findings() -> None:
    found = look(Check("broken", broken), Check("absent", absent))
    assert found["broken"].text == "KeyError: 'oops'"
    assert (found["absent"].level, "'faust'" in found["absent"].text) == (Level.SKIP, True)


def test_checks_run_side_by_side_and_a_hanging_one_is_left_behind() -> None:
    release = threading.Event()
    met = threading.Barrier(2, timeout=60)

    def hang() -> Sequence[Finding]:
        release.wait(30)
        return good()

    def meet() -> Sequence[Finding]:
        met.wait()
        return good()

    began_s = time.monotonic()
    try:
        found = look(
            Check("hangs", hang), Check("a", meet), Check("b", meet), Check("c", good, ("hangs",)),
            deadline_s=3.0,
        )  # fmt: skip
    finally:
        release.set()
    took_s = time.monotonic() - began_s
    assert {name: one.level.value for name, one in found.items()} == {
        "hangs": "fail",
        "a": "ok",
        "b": "ok",
        "c": "fail",
    }
    assert found["hangs"].text == "no answer within 3 s"
    assert took_s < 30, f"expected about 3 s, got {took_s:.1f} s"


def test_a_summary_counts() -> None:
    findings = [*good(), warn("a", "b", "c"), fail("a", "b", "c"), fail("a", "b", "c")]
    assert summary(findings) == "1 ok, 1 warning, 2 failures"


@pytest.mark.parametrize(
    ("finding", "status"),
    [
        (ok("Kafka", "fine"), 0),
        (warn("Kafka", "odd", "look"), 0),
        (fail("Kafka", "bad", "mend"), 1),
    ],
)
def test_only_a_failure_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, finding: Finding, status: int
) -> None:
    monkeypatch.setattr(doctor, "checks", lambda _where: [Check("Kafka", lambda: [finding])])
    result = CliRunner().invoke(main, ["doctor", "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (status, status == 0)
    assert told["findings"][0]["level"] == finding.level.value


def test_findings_are_lines_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    long = fail("Kafka", "[bold] is no markup " + "word " * 40, "Do this. " + "word " * 40)
    monkeypatch.setattr(doctor, "checks", lambda _where: [Check("Kafka", lambda: [long, *good()])])
    lines = CliRunner().invoke(main, ["doctor"]).stdout.splitlines()

    assert lines[2].startswith(" ✗ Kafka        [bold] is no markup word")
    assert any(line.startswith("                → Do this.") for line in lines)
    assert " ✓ good         is well" in lines
    assert max(map(len, lines)) <= 120
    assert lines[-1].startswith("1 ok, 0 warnings, 1 failure (")


@pytest.mark.parametrize("text", ["\\[bold]x", "\\\\[bold]x", "[/nothing]", "[red]x[/red]"])
def test_what_was_seen_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found = [fail("Kafka", text, f"Look at {text}")]
    monkeypatch.setattr(doctor, "checks", lambda _where: [Check("Kafka", lambda: found)])
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1, result.output
    assert f" ✗ Kafka        {text}" in result.stdout.splitlines()
    assert f"→ Look at {text}" in result.stdout


def test_what_was_seen_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [fail("Kafka", "\x1b[2J", "Look.")]
    monkeypatch.setattr(doctor, "checks", lambda _where: [Check("Kafka", lambda: found)])
    assert "\x1b" not in CliRunner().invoke(main, ["doctor"]).stdout


def test_topics_that_differ_are_told() -> None:
    found = topics_findings(make_plan(ClusterState(1, {})))
    assert [one.level for one in found] == [Level.FAIL]
    assert "missing: contex.publications" in found[0].text

    few = {"contex.publications": Found(6, 1, {})}
    assert any(
        "6 partitions" in one.text for one in topics_findings(make_plan(ClusterState(1, few)))
    )


def test_outside_of_a_stacks_folder_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "checks", lambda _where: [Check("good", good)])
    result = CliRunner().invoke(main, ["doctor", "--data", str(tmp_path / "nowhere")])
    assert result.exit_code == 0
    assert "--data FOLDER names the folder of one" in " ".join(result.stdout.split())
