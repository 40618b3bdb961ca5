"""Ctrl-C while a supervisor is followed, and again while it stops, at any moment of both."""

import sys
import threading
from concurrent.futures import Future
from types import FrameType
from typing import Any

import pytest
from processes import DEADLINE_S

from contex.local.supervisor import Supervisor


def interrupted_at(line: int) -> bool | None:
    """Stop a supervisor and, at that line of all that are run for it, kill in the same thread.

    Returns:
        Whether so many lines were run; None where the kill has not come back.
    """
    supervisor = Supervisor(lambda _event: None)
    supervisor.start()
    left, came_back = line, False

    def step(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left, came_back
        left -= event == "line"
        if event == "line" and left == 0:
            sys.settrace(None)
            supervisor.kill()
            came_back = True
            return None
        return step

    def stop() -> None:
        sys.settrace(step)
        supervisor.stop()
        sys.settrace(None)

    main = threading.Thread(target=stop, daemon=True)
    main.start()
    main.join(DEADLINE_S)
    if left <= 0:
        return True if came_back else None
    return False


def test_a_kill_comes_back_at_whatever_moment_of_a_stop_it_is_asked_for() -> None:
    line, answer = 1, interrupted_at(1)
    while answer:
        line += 1
        answer = interrupted_at(line)
    assert answer is False, f"expected the kill to come back, it hangs at line {line} of the stop"
    assert line > 20, f"expected many moments, there were {line}"


def test_whoever_follows_waits_for_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 41,000 signals that came as such a wait began, on a busy machine, 20 were not seen."""
    waited: list[bool] = []
    result = Future.result

    def noted(future: Future[Any], timeout: float | None = None) -> Any:
        waited.append(not future.done() and timeout is None)
        return result(future, timeout)

    monkeypatch.setattr(Future, "result", noted)
    supervisor = Supervisor(lambda _event: None)
    supervisor.start()
    main = threading.Thread(target=supervisor.follow, daemon=True)
    main.start()
    supervisor.stop()
    main.join(DEADLINE_S)
    assert (main.is_alive(), waited) == (False, [False, False])
