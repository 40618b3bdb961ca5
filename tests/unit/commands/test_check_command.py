"""`contex check`: how long it waits for routing, what it prints, and with which status it ends."""

import json
from collections.abc import Coroutine, Iterable
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from contex.check.findings import Finding, Kind, Report, Unjudged
from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.main import main
from contex.embedding.deterministic import DeterministicEmbedder
from contex.index.inspection import IndexState, ServerState
from contex.log.lag import Span
from contex.settings import Settings
from topology.catalogue import PUBLICATIONS
from topology.commands import check, checking
from topology.commands.checking import Checked
from topology.stages import routing_group

PLACE = (PUBLICATIONS.name, 0)
GROUP = routing_group("index-1")


def finding(data_key: str = "db", kind: Kind = Kind.LOST) -> Finding:
    return Finding(kind, "default", "demo", "ada", data_key, "was never told", "t:0:1")


def report(*findings: Finding) -> Report:
    made = Report()
    for one in findings:
        made.find(one)
    made.judged.update({"pairs": 12, "agents": 2, "values": 6, "updates": 1})
    return made


def run(monkeypatch: pytest.MonkeyPatch, checked: Checked, *arguments: str) -> Result:
    def done(work: Coroutine[Any, Any, Checked], _bootstrap: str) -> Checked:
        work.close()
        return checked

    monkeypatch.setattr(check, "run", done)
    monkeypatch.setattr(check, "settings_here", lambda _data: Settings.model_construct())
    return CliRunner().invoke(main, ["check", *arguments])


def test_a_log_that_is_consistent_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Checked(report(), GROUP, 0, 1.25))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "12 pairs of 2 agents and 6 values, 1 update judged in 1.2 s",
        "Consistent.",
    ]


def test_what_was_found_is_printed_as_it_is_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = report(finding("[red]\x1b[2J"), finding(kind=Kind.SPURIOUS))
    found.leave(Unjudged.IN_FLIGHT, 3)
    result = run(monkeypatch, Checked(found, GROUP, 3, 0.1))
    assert result.exit_code == 1, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("lost: default/demo ada '[red]\\x1b[2J': was never told (t:0:1)")
    assert "not judged, in-flight: 3" in lines
    assert "routing had 3 records left to do: see --wait" in lines
    assert lines[-1] == "Found: 1 lost, 1 spurious."


def test_many_findings_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Checked(report(*[finding()] * 60), GROUP, 0, 0.1))
    assert result.stdout.count("lost: ") == check.FINDINGS_SHOWN_MAX
    assert "... 10 more: --json has up to 1,000" in result.stdout


def test_programs_get_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Checked(report(finding()), GROUP, 2, 0.12345), "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["consistent"], told["not_routed_yet"]) == (1, False, 2)
    assert (told["counts"], told["took_s"], told["group"]) == ({"lost": 1}, 0.123, GROUP)
    assert told["findings"][0]["place"] == "t:0:1"


class Lag:
    """Where routing stands at each look; the last one stays."""

    def __init__(self, *nexts: int, end: int = 10) -> None:
        self._nexts = list(nexts)
        self._end = end
        self.looks = 0

    def spans(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Span]:
        self.looks += 1
        at = self._nexts.pop(0) if len(self._nexts) > 1 else self._nexts[0]
        # What is written meanwhile is not waited for.
        here = Span(at, self._end + self.looks - 1)
        return {place: here if place == PLACE else Span(0, 0) for place in places}


@pytest.mark.parametrize(
    ("nexts", "wait_s", "looks", "reached"),
    [((10,), 5.0, 1, 10), ((3, 7, 10), 5.0, 3, 10), ((3,), 0.0, 1, 3), ((3,), 0.02, None, 3)],
)
async def test_routing_is_waited_for_as_far_as_the_log_went_at_first(
    monkeypatch: pytest.MonkeyPatch,
    nexts: tuple[int, ...],
    wait_s: float,
    looks: int | None,
    reached: int,
) -> None:
    monkeypatch.setattr(checking, "LOOK_EVERY_S", 0.001)
    lag = Lag(*nexts)
    told: list[int] = []
    spans = await checking._finished(
        cast("Any", lag), wait_s, lambda _what, done, _total: told.append(done)
    )
    assert spans[PLACE].next == reached
    assert looks in {None, lag.looks}
    assert told == [7, 3] if nexts == (3, 7, 10) else set(told) <= {7}


@pytest.mark.parametrize(
    ("indexes", "group"),
    [
        ((("ours", "index-1"),), GROUP),
        ((("another", "index-0"), ("ours", "index-1")), GROUP),
        ((("ours", None),), None),
        ((("another", "index-0"),), None),
        ((), None),
    ],
)
async def test_the_group_is_that_of_the_embedders_own_index(
    monkeypatch: pytest.MonkeyPatch,
    indexes: tuple[tuple[str, str | None], ...],
    group: str | None,
) -> None:
    embedder = DeterministicEmbedder(recipe="r")

    async def look(*_: object) -> ServerState:
        ours = embedder.fingerprint
        states = (IndexState(ours if name == "ours" else name, one) for name, one in indexes)
        return ServerState("1.18.0", tuple(states))

    monkeypatch.setattr(checking, "look", look)
    settings = Settings.model_construct()
    if group is not None:
        assert await checking._group(settings, embedder) == group
        return
    with pytest.raises(Failed, match="routing has not begun") as caught:
        await checking._group(settings, embedder)
    assert caught.value.exit_code == Exit.UNAVAILABLE


def test_a_check_of_nothing_does_not_say_that_it_is_consistent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = run(monkeypatch, Checked(Report(), GROUP, 0, 0.1), "--project", "no-such")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Nothing was judged.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "soon"],
        ["--wait", "-1"],
        ["unexpected"],
        ["--project", "demo/database"],
        ["--tenant", ""],
        ["--since", "10m", "--until", "20m"],
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["check", *arguments]).exit_code == 2


def test_a_wrong_environment_is_not_taken_for_a_finding() -> None:
    wrong = {"CONTEX_LOG_LEVEL": "loud"}
    assert CliRunner().invoke(main, ["check"], env=wrong).exit_code == Exit.USAGE
    # `topics plan --detailed-exitcode` ends with 2 when there is something to change.
    assert CliRunner().invoke(main, ["topics", "plan"], env=wrong).exit_code == Exit.FAILED
