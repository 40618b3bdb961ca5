"""What `make run` prints at last fits a terminal of 80 columns, with all that was measured."""

from io import StringIO

import pytest
from rich.console import Console

from examples.walkthrough import Told, table

NEED = "deployment settings such as replicas and autoscaling, and where they are documented"
LONGEST = Told("operations", "webhook", "retracted", "postmortem_2026_03", 0.5, NEED, 1012.0)


@pytest.mark.parametrize(("columns", "why"), [(80, "deploy"), (120, "deployment settings such")])
def test_only_the_reason_gives_way(columns: int, why: str) -> None:
    printed = StringIO()
    Console(file=printed, width=columns).print(table([LONGEST]))

    lines = printed.getvalue().splitlines()
    [row] = [line for line in lines if "postmortem" in line]
    for words in (
        "operations",
        "webhook",
        "retracted",
        "postmortem_2026_03",
        "0.50",
        "1012 ms",
        why,
    ):
        assert words in row, f"expected {words!r} in a row of {columns} columns, got {row!r}"
    assert max(map(len, lines)) <= columns
