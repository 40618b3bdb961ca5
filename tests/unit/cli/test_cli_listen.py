"""Listening: what is shown, when it ends, and that breaks are seen."""

import json
from collections.abc import Iterator

import httpx
import pytest
from cli_gateway import CommandLine, item, problem, update

from contex.client import listening

FEED = "GET /agents/ada/updates"
EVENTS = (
    update("initial", item("db", 4, {"host": "db"}), offset=1),
    update("matched", item("roster", 5, "pager: alice\nbackup: bob"), offset=2),
    update("retracted", item("db", 6), offset=3),
)


def stream(*events: str) -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, content=_bytes(events)
    )


def _bytes(events: tuple[str, ...]) -> Iterator[bytes]:
    yield from (event.encode() for event in events)


def test_updates_are_shown_as_people_read_them(contex: CommandLine) -> None:
    contex.gateway.answers[FEED] = stream(*EVENTS)
    result = contex("listen", "ada", "--count", "3")

    assert result.exit_code == 0, result.output
    assert [line[10:] for line in result.stdout.splitlines()] == [
        "initial    1 value matches",
        "db  revision 4",
        "  0.71 for: databases",
        '  {"host": "db"}',
        "matched    roster  revision 5",
        "  0.71 for: databases",
        "  pager: alice",
        "  backup: bob",
        "retracted  db  revision 6",
    ]
    assert "Go on: contex listen ada -p demo --cursor 3:3" in result.stderr


def test_json_is_one_line_for_each_update(contex: CommandLine) -> None:
    contex.gateway.answers[FEED] = stream(*EVENTS)
    result = contex("listen", "ada", "--json", "-n", "2")

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["kind"] for one in told] == ["initial", "matched"]
    assert told[0]["items"][0]["data"] == {"host": "db"}
    assert told[1]["cursor"] == "3:2"


def test_it_goes_on_at_a_cursor(contex: CommandLine) -> None:
    contex.gateway.answers[FEED] = stream(EVENTS[1])
    assert contex("listen", "ada", "--cursor", "3:1", "-n", "1").exit_code == 0
    asked = contex.gateway.asked[0]
    assert "3:1" in {asked.headers.get("Last-Event-ID"), asked.url.params.get("cursor")}


def test_a_break_is_seen_and_nothing_is_repeated(
    contex: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RECONNECT_S_BASE", 0.01)
    answers = iter([stream(EVENTS[0]), problem(503, "unavailable", "closing"), stream(*EVENTS)])
    contex.gateway.answers[FEED] = lambda _: next(answers)
    result = contex("listen", "ada", "--json", "-n", "3")

    assert result.exit_code == 0, result.output
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == [
        "initial",
        "matched",
        "retracted",
    ]
    assert "! the stream of updates broke" in result.stderr
    assert "! closing; connecting again in" in result.stderr


def test_it_ends_when_it_has_been_quiet(contex: CommandLine) -> None:
    contex.gateway.answers[FEED] = lambda _: stream(EVENTS[0])
    result = contex("listen", "ada", "--json", "--until-quiet", "0.2")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)


def test_an_agent_that_is_not_there_ends_it_with_3(contex: CommandLine) -> None:
    contex.gateway.answers[FEED] = problem(404, "not-found", "there is no agent 'ada'")
    result = contex("listen", "ada")
    assert (result.exit_code, "there is no agent 'ada'" in result.stderr) == (3, True)


def test_ctrl_c_tells_where_to_go_on(contex: CommandLine) -> None:
    def interrupted() -> Iterator[bytes]:
        yield EVENTS[0].encode()
        raise KeyboardInterrupt

    headers = {"Content-Type": "text/event-stream"}
    contex.gateway.answers[FEED] = httpx.Response(200, headers=headers, content=interrupted())
    result = contex("listen", "ada")
    assert result.exit_code == 130
    assert "Go on: contex listen ada -p demo --cursor 3:1" in result.stderr


def test_a_large_value_is_named_and_a_long_one_is_cut(contex: CommandLine) -> None:
    large = item(
        "big", 1, None, reference="/api/v1/projects/demo/data/big?revision=1", tokens=9_000
    )
    large["needs"] = [{"need": "all", "score": 0.5, "threshold": 0.3}]
    long = item("long", 2, "\n".join(f"line {number} " + "x" * 200 for number in range(9)))
    contex.gateway.answers[FEED] = stream(
        update("matched", large, offset=1), update("matched", long, offset=2)
    )
    lines = contex("listen", "ada", "-n", "2").stdout.splitlines()

    assert any(
        "(large: 9,000 tokens, GET /api/v1/projects/demo/data/big?revision=1)" in one
        for one in lines
    )
    assert any("(6 more lines)" in one for one in lines)
    assert max(map(len, lines)) <= 120
