"""How commands print: results on standard output, everything about them on standard error.

Decides when there is colour, when things move, and what one JSON document looks like. Colour and
movement are for terminals alone, and `NO_COLOR` turns the colour off everywhere.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOBase, TextIOWrapper
from shutil import get_terminal_size
from textwrap import wrap
from typing import IO, TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH: Final = 120
"""Columns of a table that is piped: nobody's terminal is known."""
_GAP: Final = 2
_LAST_CHARACTERS_MIN: Final = 20
_FOLDED_COLUMNS_MIN: Final = 40
_REMARK_INDENT: Final = "    "
_KB: Final = 1_000
_MB: Final = 1_000_000
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


def settle_streams() -> None:
    """Let a closed stream, or a character that a stream cannot carry, end no command."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            abandon(name)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon(name: str) -> None:
    """Write to a stream no more: what is still said goes nowhere."""
    setattr(sys, name, _Nowhere())


class _Nowhere(TextIOBase):
    """Takes texts and keeps none."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)


def printable(text: str) -> str:
    """Return a text of somebody else's that cannot steer the terminal: controls are spelt out."""
    return text.translate(_CONTROLS)


def printable_line(text: str) -> str:
    """Return a name of somebody else's, as of a file, that stays in its line."""
    return printable(text).replace("\n", "\\n")


def folded(text: str, width: int, indent: str, first: str | None = None) -> list[str]:
    """Break a text at blanks into lines of `width` columns, all indented but the `first`.

    Commands, addresses and places are longer than a word, and are never broken.
    """
    return wrap(
        text,
        max(width, _FOLDED_COLUMNS_MIN),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def for_reader(text: str, stream: IO[Any], first: str) -> list[str]:
    """Break a remark into lines for a terminal, below one another; what is piped stays a line."""
    if not stream.isatty():
        return [first + text]
    width = get_terminal_size().columns
    head, *rest = text.splitlines() or [""]
    lines = folded(head, width, _REMARK_INDENT, first) or [first]
    return [*lines, *(line for one in rest for line in folded(one, width, _REMARK_INDENT))]


def colour_wanted() -> bool | None:
    """Return False where there is to be no colour, else None: click then looks at the stream."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def results() -> "Console":
    """Return the console of what a command was asked for."""
    return _console(stderr=False)


def remarks() -> "Console":
    """Return the console of everything beside it: progress, hints, warnings."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `--help` passes by here

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - rich calls it amid the error, and would end with a status of its own

    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Plain(stderr=stderr, highlight=False)
    # FORCE_COLOR would make rich colour what a program reads.
    return Plain(
        stderr=stderr, highlight=False, width=PLAIN_WIDTH, force_terminal=False, color_system=None
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose last column takes what is left of a line, and is cut there.

    The first column is what people look for: it is bold.
    """
    rows = [[printable_line(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    left = results().width - sum(widths[:-1]) - _GAP * (len(titles) - 1)
    widths[-1] = max(_LAST_CHARACTERS_MIN, left)
    gap = " " * _GAP
    click.echo(click.style(gap.join(map(_cell, titles, widths)).rstrip(), dim=True))
    for row in rows:
        first, *others = map(_cell, row, widths)
        click.echo(gap.join([click.style(first, bold=True), *others]).rstrip())


def _cell(text: str, width: int) -> str:
    return f"{text:<{width}}" if len(text) <= width else text[: width - 1] + "…"


def document(data: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def line(data: Mapping[str, Any]) -> None:
    """Print one line of JSON, at once: somebody may be waiting at the other end of a pipe."""
    click.echo(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def size(count_bytes: int) -> str:
    """Return a size as people read it."""
    if count_bytes < _KB:
        return f"{count_bytes} B"
    if count_bytes < _MB:
        return f"{count_bytes / _KB:.1f} kB"
    return f"{count_bytes / _MB:.1f} MB"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
