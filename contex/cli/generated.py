"""Files that a command makes and the repository keeps: printed, written, or held against what is.

Decides the options of such a command, what is said and with which status it ends. Makes no file's
text.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from contex.cli.exits import Exit

_Command = TypeVar("_Command", bound=Callable[..., None])


def generated_options(committed: Path) -> Callable[[_Command], _Command]:
    """Give a command `--check` and `--output`; `committed` is what it checks unless told."""

    def decorate(command: _Command) -> _Command:
        output = click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            help=f"The file to write, or to check ({committed}). Left out: standard output.",
        )
        check = click.option(
            "--check",
            is_flag=True,
            help="Write nothing; exit with 1 when the file is not what would be written.",
        )
        return check(output(command))

    return decorate


def deliver(text: str, *, command: str, committed: Path, check: bool, output: Path | None) -> None:
    """Print or write what `command` made, or end with 1 when the file differs from it."""
    if check:
        _check(output or committed, text, command)
    elif output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _check(path: Path, expected: str, command: str) -> None:
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found != expected:
        reason = "is not there" if found is None else "is out of date"
        click.echo(f"{path} {reason}. Run: {command} --output {path}", err=True)
        sys.exit(Exit.FAILED)
    click.echo(f"{path} is up to date.")
