"""Moments on the command line: an RFC 3339 time, or how long ago.

Decides how they are written. The clock is passed in, so that it can be tried.
"""

import re
import time
from collections.abc import Callable
from typing import Final

import click

from contex.errors import InvalidRecord
from contex.records.headers import parse_rfc3339

_AGE: Final = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MS: Final = 1_000


class Moment(click.ParamType):
    """Reads `2026-11-21T09:00:00Z`, or `90s`, `30m`, `2h`, `7d` ago, as milliseconds."""

    name = "moment"

    def __init__(self, clock_s: Callable[[], float] = time.time) -> None:
        self._clock_s = clock_s

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return milliseconds since 1970."""
        if isinstance(value, int):
            return value
        text = str(value)
        if age := _AGE.fullmatch(text):
            ago_s = int(age[1]) * _UNITS_S[age[2]]
            return max(0, round(self._clock_s() * _MS) - ago_s * _MS)
        try:
            return parse_rfc3339(text, "time")
        except InvalidRecord:
            self.fail(
                f"{text!r} is neither an age such as 90s, 30m, 2h, 7d nor an RFC 3339 time such"
                " as 2026-11-21T09:00:00Z",
                param,
                ctx,
            )
