"""Reads a request's bytes as JSON, telling line and column of what is wrong. Pure.

Numbers that a double cannot hold and integers of any size are told apart: the former are refused,
the latter kept, so that a value is stored as it was meant or not at all.
"""

import json
import math
from typing import NoReturn

from gateway.problems import Refusal, malformed

_SURROGATE = "\\ud"
"""How an escaped surrogate begins; halves of a pair are JSON, but no text."""


def read_json(body: bytes) -> object:
    """Return what `body` says.

    Raises:
        Refusal: 400, with the position of the first error.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(
            malformed(f"the body is not valid UTF-8 at byte {error.start}", byte=error.start)
        ) from error
    try:
        said: object = json.loads(text, parse_constant=_constant, parse_float=_finite)
        if _SURROGATE in text.lower():
            json.dumps(said, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Refusal(
            malformed(
                f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}",
                line=error.lineno,
                column=error.colno,
            )
        ) from error
    except UnicodeEncodeError as error:
        raise Refusal(
            malformed("the body holds half a surrogate pair, which is no text")
        ) from error
    except RecursionError as error:
        raise Refusal(malformed("the body is nested too deeply")) from error
    except ValueError as error:
        raise Refusal(malformed(f"the body is not JSON: {error}")) from error
    return said


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number
