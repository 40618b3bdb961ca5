"""Moments are told as people tell them."""

import click
import pytest

from contex.cli.moments import Moment

MOMENT = Moment(lambda: 1_000_000.0)


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("90s", 999_910_000),
        ("30m", 998_200_000),
        ("2h", 992_800_000),
        ("1d", 913_600_000),
        ("1970-01-01T00:00:01Z", 1_000),
        ("99999d", 0),
    ],
)
def test_a_moment_is_an_age_or_a_time(text: str, time_ms: int) -> None:
    assert MOMENT.convert(text, None, None) == time_ms


@pytest.mark.parametrize("text", ["", "2", "2w", "-2h", "yesterday", "2026-11-21"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither an age"):
        MOMENT.convert(text, None, None)
