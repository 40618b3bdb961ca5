"""The command `contex doctor`: looks at a whole set-up and says what is wrong and what to do.

Decides how findings are printed and the exit status. Changes nothing anywhere.
"""

import os
import sys
import time
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import click
from rich.markup import escape

from contex.cli.exits import Exit
from contex.cli.output import document, printable, results
from topology.doctor.checks import checks
from topology.doctor.examination import DEADLINE_S, examine
from topology.doctor.findings import Finding, Level, failed, summary
from topology.doctor.surroundings import Surroundings, surroundings

if TYPE_CHECKING:
    from rich.console import Console

_MARKS: Final = {
    Level.OK: "[green]✓[/]",
    Level.WARN: "[yellow]![/]",
    Level.FAIL: "[red]✗[/]",
    Level.SKIP: "[dim]-[/]",
}
_SUBJECT_CHARACTERS: Final = 12
_INDENT: Final = _SUBJECT_CHARACTERS + 4
_TEXT_CHARACTERS_MIN: Final = 40


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".contex"),
    show_default=True,
    help="Data folder of `contex dev`: a stack that runs there is found by itself.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(*, data: Path, as_json: bool) -> None:
    r"""Say what is wrong with a set-up, and what to do about it.

    It looks where the environment says (`contex settings` shows it), and at a `contex dev` that
    runs in the data folder. It changes nothing and is done within 10 seconds, even when nothing
    answers. The exit status is 1 when something failed; warnings do not count.

    \b
    Examples:
      contex doctor
      CONTEX_URL=https://contex.example contex doctor
      contex doctor --json | jq '.findings[] | select(.level != "ok")'
    """
    where = surroundings(os.environ, data)
    began_s = time.monotonic()
    found: list[Finding] = []
    console = None if as_json else results()
    if console:
        _title(console, where)
    for _, findings in examine(checks(where), DEADLINE_S):
        found += findings
        if console:
            for finding in findings:
                _print(console, finding)
    took_s = time.monotonic() - began_s
    if console:
        console.print(f"\n{summary(found)} ({took_s:.1f} s)")
    else:
        document(_report(found, took_s))
    sys.stdout.flush()
    sys.exit(Exit.FAILED if failed(found) else Exit.OK)


def _title(console: "Console", where: Surroundings) -> None:
    if where.uses_dev and where.dev:
        folder = escape(str(where.dev.folder))
        console.print(f"Looking at the stack that `contex dev` runs in {folder}.\n")
    else:
        console.print(
            "Looking where the environment says; no `contex dev` runs here "
            "(--data FOLDER names the folder of one).\n"
        )


def _print(console: "Console", finding: Finding) -> None:
    width = max(_TEXT_CHARACTERS_MIN, console.width - _INDENT)
    head = f" {_MARKS[finding.level]} {finding.subject:<{_SUBJECT_CHARACTERS}} "
    for number, line in enumerate(wrap(finding.text, width, break_on_hyphens=False)):
        _line(console, " " * _INDENT if number else head, line)
    for number, line in enumerate(wrap(finding.step, width - 2, break_on_hyphens=False)):
        _line(console, " " * _INDENT + ("  " if number else "[dim]→[/] "), line)


def _line(console: "Console", head: str, text: str) -> None:
    console.print(head + escape(printable(text)), soft_wrap=True)


def _report(found: list[Finding], took_s: float) -> dict[str, object]:
    return {
        "ok": not failed(found),
        "took_s": round(took_s, 3),
        "findings": [
            {
                "subject": one.subject,
                "level": one.level.value,
                "text": one.text,
                "step": one.step or None,
            }
            for one in found
        ],
    }
