"""The command `contex settings`: every setting as it stands here, what it means, and what is wrong.

Decides how settings are shown. What they are, how they are read and what is hidden, the catalogue
decides.
"""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Final

import click

from contex.cli.exits import Exit
from contex.cli.labels import meant
from contex.cli.output import document, for_reader, plural
from contex.settings.catalogue import BY_NAME, Process
from contex.settings.pages import env_example, markdown
from contex.settings.reading import Entry, Origin, Reading, read

_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_COLUMNS_MAX: Final = 100
_INDENT: Final = 4
_UNKNOWN: Final = "Unknown: "


def _known(_ctx: click.Context, _param: click.Parameter, names: Sequence[str]) -> list[str]:
    """Return the names of settings that are typed, in their own case."""
    found = [name.upper() for name in names]
    for name in found:
        if name not in BY_NAME:
            raise click.BadParameter(f"there is no setting {name}.{meant(name, BY_NAME)}")
    return found


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in BY_NAME if name.startswith(incomplete.upper())]


@click.command()
@click.argument("names", nargs=-1, callback=_known, shell_complete=_complete, metavar="[NAME]...")
@click.option("--set", "only_set", is_flag=True, help="Only what the environment sets.")
@click.option(
    "--process",
    type=click.Choice([one.value for one in Process]),
    help="Only what this process reads.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON document.")
@click.option("--markdown", "form", flag_value="markdown", help="Print docs/settings.md.")
@click.option("--env-example", "form", flag_value="env", help="Print .env.example.")
def settings(
    *, names: Sequence[str], only_set: bool, process: str | None, form: str | None
) -> None:
    r"""Explain every setting, and say which are wrong.

    Each is shown with its value here and where that comes from; secrets are hidden. The exit
    status is 1 when a value is wrong; a name that nothing reads is pointed out, and does not count.

    \b
    Examples:
      contex settings
      contex settings --process gateway --set
      contex settings CONTEX_MODEL CONTEX_EMBEDDER
      contex settings --env-example > .env
    """
    if form in {"markdown", "env"}:
        click.echo(markdown() if form == "markdown" else env_example(), nl=False)
        return
    reading = read(os.environ, tuple(Process) if process is None else (Process(process),))
    chosen = [
        entry
        for entry in reading.entries
        if (not names or entry.setting.name in names)
        and (not only_set or entry.origin is Origin.ENVIRONMENT)
    ]
    if form == "json":
        document(_report(chosen, reading))
    else:
        _show(chosen, reading)
    sys.exit(Exit.FAILED if any(entry.problem for entry in chosen) else Exit.OK)


def _show(entries: Sequence[Entry], reading: Reading) -> None:
    width = min(_COLUMNS_MAX, shutil.get_terminal_size().columns)
    for entry in entries:
        click.echo(_head(entry))
        for line in _about(entry, width - _INDENT):
            click.echo(" " * _INDENT + line)
        if entry.problem:
            for line in for_reader(f"Wrong: {entry.problem}", sys.stdout, " " * _INDENT):
                click.echo(click.style(line, fg="red"))
        click.echo()
    for unknown in reading.unknown:
        head, *rest = for_reader(str(unknown), sys.stdout, _UNKNOWN)
        click.echo(click.style(_UNKNOWN, fg="yellow") + head[len(_UNKNOWN) :])
        for line in rest:
            click.echo(line)
    given = sum(entry.origin is Origin.ENVIRONMENT for entry in entries)
    wrong = sum(entry.problem is not None for entry in entries)
    click.echo(f"{plural(len(entries), 'setting')}: {given} from the environment, {wrong} wrong.")


def _head(entry: Entry) -> str:
    name = click.style(entry.setting.name, bold=True)
    colour = "green" if entry.origin is Origin.ENVIRONMENT else None
    origin = click.style(f"({entry.origin})", dim=True)
    return f"{name} = {click.style(entry.shown, fg=colour)}  {origin}"


def _about(entry: Entry, width: int) -> list[str]:
    setting = entry.setting
    reason = _LINK.sub(r"\1", setting.reason)
    unit = f" ({setting.unit})" if setting.unit else ""
    secret = " Secret." if setting.secret else ""
    readers = ", ".join(setting.readers)
    return [
        *wrap(f"{reason}{secret}", width, break_on_hyphens=False),
        *wrap(
            f"Expected: {setting.kind.expects}{unit}. Read by: {readers}.",
            width,
            break_on_hyphens=False,
        ),
    ]


def _report(entries: Sequence[Entry], reading: Reading) -> dict[str, object]:
    return {
        "settings": [
            {
                "name": entry.setting.name,
                "value": entry.shown,
                "origin": entry.origin.value,
                "default": entry.setting.default,
                "unit": entry.setting.unit,
                "secret": entry.setting.secret,
                "expects": entry.setting.kind.expects,
                "reason": _LINK.sub(r"\1", entry.setting.reason),
                "read_by": [one.value for one in entry.setting.readers],
                "problem": entry.problem,
            }
            for entry in entries
        ],
        "unknown": [{"name": one.name, "meant": one.meant} for one in reading.unknown],
    }
