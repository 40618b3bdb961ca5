"""TOML. Decides how it is read; never lets a long dotted key or a deep array exhaust the parser."""

import re
import tomllib
from datetime import date, time

from contex.text.limits import check_depth, malformed, too_deep
from contex.text.parsed import Array, Node, Object

SEGMENTS_MAX = 1_000
"""A dotted key costs the parser the square of its segments; beyond this it is not even tried."""

_DOTTED = re.compile(r"""[\w"'-]++(?:[ \t]*+\.[ \t]*+[\w"'-]++)*+""")


def read_toml(text: str) -> Node:
    """Read a TOML document.

    Raises:
        InvalidValue: with line, column and the parser's message.
        LimitExceeded: if it is nested too deep.
    """
    for found in _DOTTED.finditer(text):
        segments = found.group().count(".") + 1
        if segments > SEGMENTS_MAX:
            raise too_deep(f"a dotted key of {segments:,} segments")
    try:
        return _freeze(tomllib.loads(text, parse_float=str), depth=1)
    except RecursionError as error:
        raise too_deep("more than the parser can follow") from error
    except ValueError as error:
        raise malformed("TOML", str(error)) from error


def _freeze(value: object, *, depth: int) -> Node:
    match value:
        case dict():
            check_depth(depth)
            return Object(
                tuple((name, _freeze(entry, depth=depth + 1)) for name, entry in value.items())
            )
        case list():
            check_depth(depth)
            return Array(tuple(_freeze(item, depth=depth + 1) for item in value))
        case bool():
            return "true" if value else "false"
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
