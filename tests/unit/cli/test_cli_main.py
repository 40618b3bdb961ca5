"""The command line's front: it lists everything and imports nothing heavy to do so."""

import subprocess
import sys

from click.testing import CliRunner

from contex.cli.main import main, short_help

HEAVY = {"aiohttp", "confluent_kafka", "grpc", "numpy", "pydantic", "qdrant_client", "rich"}


def test_help_lists_own_and_contributed_commands_with_a_line_each() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "dev     Run the whole of Contex on this machine." in result.output
    assert "topics  Compare the cluster's topics with the catalogue" in result.output


def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys; from contex.cli.main import main; main(['--help'], standalone_mode=False); "
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stderr.split()) == set()


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
