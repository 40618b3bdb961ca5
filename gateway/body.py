"""Reads a request's bytes as JSON, telling line and column of what is wrong. Pure.

Numbers that a double cannot hold and integers of any size are told apart: the former are refused,
the latter kept, so that a value is stored as it was meant or not at all.
"""

import json
import math
import sys
from typing import Final, NoReturn

from gateway.problems import Refusal, malformed

_BYTE_ORDER_MARK: Final = "\ufeff"
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
    if text.startswith(_BYTE_ORDER_MARK):
        raise Refusal(malformed("the body begins with a byte order mark: send UTF-8 without one"))
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
    except ValueError as error:  # the one that is left: Python reads no number of more digits
        digits = f"{sys.get_int_max_str_digits():,}"
        raise Refusal(malformed(f"a number in the body has more than {digits} digits")) from error
    return said


def _constant(name: str) -> NoReturn:
    raise Refusal(malformed(f"the body is not JSON: {name} is no JSON number"))


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Refusal(malformed(f"the number {text[:40]} in the body is out of range"))
    return number
