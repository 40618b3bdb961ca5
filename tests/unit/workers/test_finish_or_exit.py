"""No exception leaves an agent: work is finished, or the process ends with a status of its own.

Each case runs in a process of its own, since that process may end hard.
"""

import subprocess
import sys

import pytest

from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_TOO_MANY_DEAD_LETTERS
from workers.watchdog import EXIT_STALLED

PROGRAM = """
import asyncio
import workers.routing.agents as agents
from contex.errors import DependencyAway
from workers.routing.processor import TooManyDeadLetters

async def fine(): await asyncio.sleep(0.05); print("finished")
async def bug(): raise ValueError("a bug")
async def away(): raise DependencyAway("the index")
async def flood(): raise TooManyDeadLetters("600 in a row")
async def never(): agents.DRAIN_S = 0.2; await asyncio.Event().wait()

async def main():
    task = asyncio.ensure_future(agents.finish_or_exit({work}()))
    if {cancel}:
        await asyncio.sleep(0.01)
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")

asyncio.run(main())
print("alive")
"""


@pytest.mark.parametrize(
    ("work", "cancel", "status", "said"),
    [
        ("fine", False, 0, ["finished", "alive"]),
        ("fine", True, 0, ["finished", "cancelled", "alive"]),
        ("bug", False, EXIT_BUG, []),
        ("away", False, EXIT_DEPENDENCY_AWAY, []),
        ("flood", False, EXIT_TOO_MANY_DEAD_LETTERS, []),
        ("never", True, EXIT_DEPENDENCY_AWAY, []),
    ],
)
def test_work_ends_well_or_the_process_ends(
    work: str, cancel: bool, status: int, said: list[str]
) -> None:
    program = PROGRAM.format(work=work, cancel=cancel)

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (status, said) == (ran.returncode, ran.stdout.split()), ran.stderr


@pytest.mark.parametrize(
    ("status", "level"), [(0, "INFO"), (EXIT_BUG, "CRITICAL"), (EXIT_DEPENDENCY_AWAY, "CRITICAL")]
)
def test_only_an_end_that_is_none_of_the_plan_is_critical(status: int, level: str) -> None:
    program = (
        "import logging; from workers.exits import exit_hard;"
        "logging.basicConfig(level='INFO', format='%(levelname)s %(message)s');"
        f"exit_hard({status}, 'why')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (status, f"{level} exiting with status {status}: why\n")


BLOCKED = """
import logging, os, threading
import workers.exits as exits
exits.LAST_WORDS_S_MAX = 0.2
reading, writing = os.pipe()
logging.basicConfig(stream=os.fdopen(writing, "w"), level="INFO")
threading.Thread(target=lambda: logging.warning("x" * 1_000_000), daemon=True).start()
os.read(reading, 1)  # it has begun, and nobody reads on
{end}
"""
"""A process whose log is a pipe that is full, and whose writer holds the lock of the log."""


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("exits.exit_hard(70, 'why')", 70),
        ("import workers.watchdog as w; w.end_stalled('routing', 'why')", EXIT_STALLED),
    ],
)
def test_a_process_ends_though_nobody_reads_what_it_says(end: str, status: int) -> None:
    ran = subprocess.run([sys.executable, "-c", BLOCKED.format(end=end)], timeout=60, check=False)
    assert ran.returncode == status
