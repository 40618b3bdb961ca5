"""What stands around a command: narrow and closed streams, full disks, texts that steer it."""

import io
import sys
from pathlib import Path

import click
import httpx
import pytest
from cli_gateway import CommandLine, item, problem, update

from contex.cli import output
from contex.cli.exits import Exit
from contex.cli.main import main

ESCAPE = "\x1b]0;owned\x07"
SPELT = "\\x1b]0;owned\\x07"


class Full(io.StringIO):
    """A file on a disk without room."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_closed_streams_end_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    output.settle_streams()
    with sys.stdout, sys.stderr:
        output.document({"said": "to nobody"})
        output.results().print("said to nobody")


def test_what_a_stream_cannot_carry_is_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", narrow)
    output.settle_streams()
    output.document({"mark": "✓", "name": "caf\udce9"})
    narrow.seek(0)
    assert narrow.read() == '{\n  "mark": "\\u2713",\n  "name": "caf\\udce9"\n}\n'


def test_a_full_disk_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(SystemExit) as ended:
        main(["settings", "CONTEX_URL"])
    with sys.stdout:
        assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("printed", ["by click", "by rich"])
def test_a_reader_that_left_ends_a_command_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], printed: str
) -> None:
    class Left(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    @click.command()
    def talk() -> None:
        output.results().print("said to nobody")

    monkeypatch.setattr(sys, "stdout", Left())
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setitem(main.commands, "talk", talk)
    with pytest.raises(SystemExit) as ended:
        main(["settings", "CONTEX_URL"] if printed == "by click" else ["talk"])
    assert ended.value.code == Exit.READER_GONE
    assert capsys.readouterr().err == ""


def test_a_dumb_terminal_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.colour_wanted() is None
    monkeypatch.setenv("TERM", "dumb")
    assert output.colour_wanted() is False


def test_a_file_that_cannot_be_written_is_named(contex: CommandLine, tmp_path: Path) -> None:
    result = contex("topics", "asyncapi", "--output", str(tmp_path / "none" / "x.json"))
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert "x.json" in result.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï → 漢", "plain ünï → 漢"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        (ESCAPE, SPELT),
        ("back\rhome", "back\\x0dhome"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
    ],
)
def test_controls_are_spelt_out_and_nothing_else(text: str, shown: str) -> None:
    assert output.printable(text) == shown


def test_a_published_value_cannot_steer_the_terminal_of_who_listens(contex: CommandLine) -> None:
    evil = update("matched", item(f"key{ESCAPE}", 5, f"first {ESCAPE}\nsecond"))
    contex.gateway.answers["GET /agents/ada/updates"] = lambda _request: _stream(evil)
    result = contex("listen", "ada", "--count", "1")

    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert f"key{SPELT}" in result.stdout
    assert f"first {SPELT}" in result.stdout


def _stream(event: str) -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, content=iter([event.encode()])
    )


def test_a_value_that_is_found_cannot_steer_the_terminal(contex: CommandLine) -> None:
    match = {**item("db", 1, f"x{ESCAPE}"), "scores": {}, "published_at": None}
    match.pop("needs")
    contex.gateway.answers["POST /projects/demo/query"] = httpx.Response(
        200,
        json={"query": "q", "matches": [match], "total_matches": 1, "omitted_total": 0},
    )
    result = contex("query", "q")

    assert result.exit_code == 0, result.output
    assert SPELT in result.stdout
    assert "\x1b" not in result.stdout


def test_an_error_cannot_steer_the_terminal(contex: CommandLine) -> None:
    contex.gateway.answers["GET /agents/ada"] = problem(404, "not-found", f"no {ESCAPE}")
    assert SPELT in contex("agents", "show", "ada").stderr
