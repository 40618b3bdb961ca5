"""The command line's front: it lists everything and imports nothing heavy to do so."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from contex.cli.main import main, short_help

HEAVY = {
    "aiohttp",
    "confluent_kafka",
    "grpc",
    "httpx",
    "numpy",
    "pydantic",
    "qdrant_client",
    "rich",
}
TERMINAL_COLUMNS = 80


def test_help_lists_own_and_contributed_commands_with_a_line_each() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "dev Run the whole of Contex on this machine." in lines
    assert "publish Publish a value, or files." in lines
    assert any(line.startswith("topics Compare the cluster's topics with") for line in lines)
    assert [line for line in lines if line.endswith(":")] == [
        "Options:",
        "Values:",
        "Agents:",
        "Running it:",
        "More:",
    ]


def every_command(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from every_command(command, *before, name)


PATHS = [*every_command(main)]
DRAWN = {"dev", "doctor", "models"}
"""Whose modules draw with rich, and import it."""


@pytest.mark.parametrize("drawn", [False, True], ids=["plain", "drawn"])
def test_help_imports_no_heavy_library(*, drawn: bool) -> None:
    paths = ["", *(" ".join(path) for path in PATHS if (path[0] in DRAWN) is drawn)]
    program = (
        "import sys; from contex.cli.main import main\n"
        "for path in sys.argv[1:]:\n"
        "    main([*path.split(), '--help'], standalone_mode=False)\n"
        "    print(path, *sys.modules, sep='|', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True
    )
    allowed = {"rich"} if drawn else set()
    told = [line.split("|") for line in done.stderr.splitlines()]
    assert [path for path, *_ in told] == paths
    assert [path for path, *modules in told if HEAVY & set(modules) - allowed] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("publsh", "publish"),
        ("agent", "agents"),
        ("lisen", "listen"),
        ("agents lst", "list"),
        ("dead-letters redive", "redrive"),
        ("models pth", "path"),
        ("topics pln", "plan"),
    ],
)
def test_a_command_that_is_misspelt_is_guessed(typed: str, meant: str) -> None:
    result = CliRunner().invoke(main, typed.split())
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'" in result.output


def test_names_are_completed_without_importing_a_command() -> None:
    program = "import sys; from contex.cli.main import main; main(prog_name='contex')"
    environment = {
        **os.environ,
        "_CONTEX_COMPLETE": "bash_complete",
        "COMP_WORDS": "contex pu",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["plain,publish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert (result.exit_code, "_CONTEX_COMPLETE" in result.output) == (0, True)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_has_an_example_and_fits_a_terminal(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"], terminal_width=80)
    lines = result.output.splitlines()
    assert any(line.strip() in {"Examples:", "Example:"} for line in lines), result.output
    assert any(line.startswith("    contex ") or "=" in line for line in lines), result.output
    assert [line for line in lines if len(line) > TERMINAL_COLUMNS] == []
    assert [line for line in lines[1:] if line.endswith("...")] == [], "a command's line is cut"


def test_version_is_the_distributions() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.startswith("contex, version ")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["nothing"])
    assert result.exit_code == 2
    assert "No such command 'nothing'" in result.output


def test_help_of_what_cannot_be_found_is_empty() -> None:
    assert short_help("contex.no_such_module:thing") == ""
    assert short_help("no_such_package.module:thing") == ""
    assert short_help("contex.cli.main:no_such_function") == ""
