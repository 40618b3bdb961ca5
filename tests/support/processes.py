"""Processes seen from outside: are they there, and does something come true in time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

DEADLINE_S = 120.0
"""Long, because many machines that run tests are small and busy."""
LIFE_S_MAX = 3 * DEADLINE_S
"""What a process is given that starts, is used and stops."""
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


@contextmanager
def mortal(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """Give a process that does not outlive the block, nor `LIFE_S_MAX`.

    Whoever reads what it prints gets an end of file then, and whoever waits for it a status: a test
    of a process that hangs fails instead of hanging with it.
    """
    clock = threading.Timer(LIFE_S_MAX, process.kill)
    clock.start()
    with process:
        try:
            yield process
        finally:
            clock.cancel()
            process.kill()
