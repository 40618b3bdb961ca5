"""Tables: CSV, TSV and their cousins. Decides the delimiter and what a row says; guesses no types.

Each row becomes an object of header and cell, so that a row read alone still says what it is about.
"""

import csv
import io

from contex.errors import LimitExceeded
from contex.text.limits import CELL_CHARACTERS_MAX, FIELD, malformed
from contex.text.parsed import Array, Node, Object

DELIMITERS = (",", ";", "\t", "|")
"""In order of preference: the first wins a tie."""


def read_csv(text: str, *, delimiter: str | None = None, has_header: bool = True) -> Node:
    """Read a table.

    Args:
        text: the table.
        delimiter: between cells; taken from the first line when None.
        has_header: whether the first row names the columns.

    Raises:
        InvalidValue: with the line and the parser's message.
        LimitExceeded: if a cell is too long.
    """
    rows = read_rows(text, delimiter or delimiter_of(text))
    if not rows:
        return Array(())
    if not has_header:
        return Array(tuple(_row((), row) for row in rows))
    header = tuple(cell.strip() for cell in rows[0])
    if len(rows) == 1:
        return Object((("columns", Array(header)),))
    return Array(tuple(_row(header, row) for row in rows[1:]))


def read_rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows that are not empty.

    Raises:
        InvalidValue: with the line and the parser's message.
        LimitExceeded: if a cell is too long.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        if "field limit" in str(error):
            raise LimitExceeded(
                f"data may have at most {CELL_CHARACTERS_MAX:,} characters in one cell, "
                f"got more in line {reader.line_num + 1:,}: publish it under a data key of its own",
                field=FIELD,
            ) from error
        raise malformed("CSV", f"line {reader.line_num}: {error}") from error


def delimiter_of(text: str) -> str:
    """Return the delimiter that the first line holds most often, quoted parts apart."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


def _row(header: tuple[str, ...], row: list[str]) -> Node:
    return Object(
        tuple(
            (_column(header, position), cell)
            for position, cell in enumerate(row)
            if cell.strip() or position < len(header)
        )
    )


def _column(header: tuple[str, ...], position: int) -> str:
    name = header[position] if position < len(header) else ""
    return name or f"column {position + 1}"
