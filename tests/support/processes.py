"""Processes seen from outside: are they there, and does something come true in time."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import subprocess

_T = TypeVar("_T")

DEADLINE_S = 120.0
"""Long, because many machines that run tests are small and busy."""
LIFE_S_MAX = 3 * DEADLINE_S
"""What a process is given that starts, is used and stops."""
ANSWER_S_MAX = 5.0
BUSY = "no answer within"
BUSY_TRIES_MAX = 3
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
    except (FileNotFoundError, ProcessLookupError):  # the latter if it goes while it is read
        return False
    return state != "Z"


def is_served(url: str) -> bool:
    """Return whether a page is answered with 200; who has no time to answer may be asked again."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S_MAX) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def unless_busy(examine: Callable[[], _T]) -> _T:
    """Return what an examination finds, tried anew when something had no time to answer.

    `contex doctor` gives up on a dependency after seconds; a machine full of tests is slower.
    """
    for _ in range(BUSY_TRIES_MAX - 1):
        try:
            return examine()
        except AssertionError as error:
            if BUSY not in str(error):
                raise
    return examine()


@contextmanager
def ended_on_error(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill a process whose start fails: nobody else knows of it yet."""
    try:
        yield
    except BaseException:
        process.kill()
        process.wait()
        raise


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
