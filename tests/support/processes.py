"""Processes seen from outside: are they there, and does something come true in time."""

import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_S = 120.0
"""Long, because many machines that run tests are small and busy."""
_POLL_S = 0.02


def eventually(condition: Callable[[], bool], expected: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"expected within {DEADLINE_S} s: {expected}"
        time.sleep(_POLL_S)


def alive(pid: int) -> bool:
    """Return whether the process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
