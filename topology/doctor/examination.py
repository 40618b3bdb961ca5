"""Runs checks side by side, each with a time limit, and in the order of what they need.

Decides nothing about what is checked. A check that hangs is left behind in its thread, which does
not keep the process from ending.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from contex.errors import ContexError
from topology.doctor.findings import Finding, blocking, fail, skip

DEADLINE_S = 9.0
"""For all of them together."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        title: what a section of the report is called.
        look: returns what it finds; may raise what Contex raises on purpose.
        needs: titles of the checks without which it makes no sense.
    """

    title: str
    look: Callable[[], Sequence[Finding]]
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class _Run:
    check: Check
    done: threading.Event = field(default_factory=threading.Event)
    findings: Sequence[Finding] = ()


def examine(
    checks: Sequence[Check], deadline_s: float = DEADLINE_S
) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield what each check finds, in the order given, as soon as it is known."""
    until_s = time.monotonic() + deadline_s
    runs = {check.title: _Run(check) for check in checks}
    for run in runs.values():
        threading.Thread(
            target=_run, args=(run, runs), name=f"look at {run.check.title}", daemon=True
        ).start()
    for title, run in runs.items():
        if run.done.wait(max(0.0, until_s - time.monotonic())):
            yield title, run.findings
        else:
            late = fail(title, f"no answer within {deadline_s:g} s", "Look at its log, try again.")
            yield title, (late,)


def _run(run: _Run, runs: dict[str, _Run]) -> None:
    for need in run.check.needs:
        runs[need].done.wait()
        if blocking(runs[need].findings):
            run.findings = (skip(run.check.title, f"not looked at: see {need}"),)
            break
    else:
        run.findings = _look(run.check)
    run.done.set()


def _look(check: Check) -> Sequence[Finding]:
    try:
        return check.look()
    except ModuleNotFoundError as error:
        reason = f"not looked at: the package {error.name!r} is not installed"
        return (skip(check.title, reason),)
    except ContexError as error:
        return (fail(check.title, str(error), "Is it running, and is its address right?"),)
    except Exception as error:  # noqa: BLE001 - the root of a thread: nobody else would hear of it
        reason = f"{type(error).__name__}: {error}"
        return (fail(check.title, reason, "Unexpected: please report it with this line."),)
