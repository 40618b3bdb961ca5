"""JSON and JSON lines. Decides how their oddities are read; never recurses without a bound.

Repeated names are all kept, because all of them are in the bytes an agent is given. Lone
surrogates, which no tokenizer takes, become U+FFFD.
"""

import json
import re

from contex.text.limits import at, check_depth, malformed, too_deep
from contex.text.parsed import NULL, Array, Node, Object

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_BRACKETS = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_CONSTANTS = re.compile(_STRING + r"|-?Infinity|NaN", re.DOTALL)


class _Pairs(list[tuple[str, object]]):
    """An object's entries while the parser runs, told apart from an array."""


class _ConstantError(ValueError):
    """NaN or an infinity, which JSON has not."""


def read_json(text: str) -> Node:
    """Read one JSON value.

    Raises:
        InvalidValue: with line, column and the parser's message.
        LimitExceeded: if it is nested too deep.
    """
    return _read(text, first_line=1)


def read_json_lines(text: str) -> Node:
    """Read one JSON value per line; empty lines are skipped.

    Raises:
        InvalidValue: with line, column and the parser's message.
        LimitExceeded: if a value is nested too deep.
    """
    lines = enumerate(text.split("\n"), start=1)
    return Array(tuple(_read(line, first_line=number) for number, line in lines if line.strip()))


def depth_of(text: str) -> int:
    """Return how deep brackets are nested, strings apart; right for any text that is JSON."""
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        match found.group()[0]:
            case "[" | "{":
                depth += 1
                deepest = max(deepest, depth)
            case "]" | "}":
                depth -= 1
    return deepest


def _read(text: str, *, first_line: int) -> Node:
    check_depth(depth_of(text))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        place = at(error.lineno + first_line - 1, error.colno, error.msg)
        raise malformed("JSON", place) from error
    except _ConstantError as error:
        raise malformed("JSON", _place_of_constant(text, first_line)) from error
    except RecursionError as error:
        # The stack below this call was nearly full: the value itself is within the limit.
        raise too_deep("more than this process can follow") from error
    return _freeze(value)


def _refuse_constant(name: str) -> object:
    raise _ConstantError(name)


def _place_of_constant(text: str, first_line: int) -> str:
    for found in _CONSTANTS.finditer(text):
        if not found.group().startswith('"'):
            line = text.count("\n", 0, found.start())
            column = found.start() - text.rfind("\n", 0, found.start())
            return at(line + first_line, column, f"{found.group()} is no JSON number")
    return "NaN and Infinity are no JSON numbers"


def _freeze(value: object) -> Node:
    match value:
        case _Pairs():
            return Object(tuple((_clean(name), _freeze(entry)) for name, entry in value))
        case list():
            return Array(tuple(_freeze(item) for item in value))
        case str():
            return _clean(value)
        case None:
            return NULL
        case _:
            return "true" if value else "false"


def _clean(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
