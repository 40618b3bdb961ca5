"""What a failure looks like: what happened, the next step, and a status that scripts rely on."""

import socket
from io import StringIO

import httpx
import pytest
from cli_gateway import CommandLine, problem
from click import unstyle
from click.testing import CliRunner

from contex.cli.failures import Failed
from contex.cli.main import main


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (problem(404, "not-found", "there is no agent 'ada'"), 3, "there is no agent 'ada'"),
        (problem(401, "unauthenticated", "a key is wanted"), 4, "CONTEX_API_KEY"),
        (problem(403, "forbidden", "not with this key"), 4, "Use a key that permits it."),
        (problem(503, "unavailable", "Kafka is away"), 5, "`contex doctor` looks closer."),
        (problem(500, "internal", "something went wrong"), 1, "request r1"),
        (httpx.Response(200, text="<html>"), 1, "that of a Contex gateway"),
        (httpx.Response(404, text="nginx"), 1, "that of a Contex gateway"),
    ],
)
def test_the_status_and_the_next_step_fit_the_failure(
    contex: CommandLine, answer: httpx.Response, status: int, says: str
) -> None:
    contex.gateway.answers["GET /agents/ada"] = answer
    result = contex("agents", "show", "ada")

    assert (result.exit_code, says in result.stderr) == (status, True), result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_all_fields_that_are_wrong_are_told(contex: CommandLine) -> None:
    contex.gateway.answers["POST /agents/register"] = problem(
        422,
        "invalid-request",
        "two fields are wrong",
        errors=[
            {"field": "data_needs[0].threshold", "message": "at most 1"},
            {"field": "token_budget", "message": "at least 1"},
        ],
    )
    result = contex("register", "ada", "--need", "x")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: two fields are wrong",
        "  data_needs[0].threshold: at most 1",
        "  token_budget: at least 1",
        "  (422 invalid-request, request r1)",
        "  → Correct what is named and try again.",
    ]


def test_nobody_there_is_told_at_once_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    result = CliRunner().invoke(main, ["agents", "--url", url], env={"CONTEX_URL": url})

    assert result.exit_code == 5
    assert f"the gateway at {url} does not answer: nothing listens there" in result.stderr
    assert "`contex dev` starts it" in result.stderr


def test_a_password_in_the_url_is_never_shown(contex: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    contex.gateway.answers["GET /agents/ada/updates"] = problem(404, "not-found", "no ada")
    for command, address in (("agents", nobody), ("listen ada", "gateway.example")):
        result = contex(*command.split(), "--url", f"http://ada:hunter2@{address}")
        assert f"(hidden)@{address}" in result.output
        assert "hunter2" not in result.output


def test_a_url_that_is_none_is_told(contex: CommandLine) -> None:
    result = contex("agents", "--url", "ftp://localhost")
    assert result.exit_code == 2
    assert "must be http://host:port" in result.stderr


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_lines_that_fit_and_a_pipe_gets_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    step = "Is it running? `contex dev` starts it; " * 3
    error = Failed("it does not answer " * 5, step.strip(), facts=("a fact " * 12,))
    terminal, pipe = Terminal(), StringIO()
    error.show(terminal)
    error.show(pipe)

    shown = [unstyle(line) for line in terminal.getvalue().splitlines()]
    assert max(map(len, shown)) <= 50, shown
    assert all(line.startswith("  ") for line in shown[1:]), shown
    assert len(pipe.getvalue().splitlines()) == 3
    assert " ".join(" ".join(shown).split()) == " ".join(pipe.getvalue().split())


def test_what_the_client_refuses_itself_is_a_wrong_command_line(contex: CommandLine) -> None:
    result = contex("publish", "-p", "my project", "a", "b")
    assert (result.exit_code, contex.gateway.asked) == (2, [])
    assert "project" in result.stderr


def test_the_key_is_sent_and_never_shown(contex: CommandLine) -> None:
    contex.gateway.answers["GET /agents"] = problem(401, "unauthenticated", "not this key")
    result = contex("agents", CONTEX_API_KEY="a-secret-key")

    assert contex.gateway.asked[0].headers["Authorization"] == "Bearer a-secret-key"
    assert "a-secret-key" not in result.output


def test_ctrl_c_is_told_in_a_word_with_status_130(contex: CommandLine) -> None:
    def interrupted(_request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    contex.gateway.answers["GET /agents"] = interrupted
    result = contex("agents")
    assert (result.exit_code, result.stderr.strip()) == (130, "Interrupted.")
