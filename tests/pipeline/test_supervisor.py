"""The supervisor, with small Python children in place of the product's."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import DEADLINE_S, alive, eventually, mortal

from contex.local.errors import ChildFailed
from contex.local.process import Command
from contex.local.service import Event, Job, Kind, Phase, Service
from contex.local.supervisor import Supervisor

IDLE = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
SAYS_READY = "open('{ready}', 'w').close(); "


class House:
    """A supervisor, what it said, and children by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.supervisor = Supervisor(self.events.append, live_interval_s=0.05, live_misses_max=3)

    def command(self, name: str, code: str) -> Command:
        code = code.format(ready=self.folder / f"{name}.ready")
        return Command([sys.executable, "-I", "-S", "-c", code], self.folder / f"{name}.log")

    def service(
        self,
        name: str,
        code: str = SAYS_READY + IDLE,
        *,
        live: Callable[[], bool] | None = None,
        start_timeout_s: float = DEADLINE_S,
        stop_timeout_s: float = DEADLINE_S,
    ) -> Service:
        return Service(
            name,
            self.command(name, code),
            ready=(self.folder / f"{name}.ready").exists,
            live=live,
            start_timeout_s=start_timeout_s,
            stop_timeout_s=stop_timeout_s,
        )

    def said(self, kind: Kind, name: str) -> list[str]:
        return [event.text for event in self.events if (event.kind, event.service) == (kind, name)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.supervisor.stop()


def test_services_become_ready_in_order_and_stop_in_reverse(house: House) -> None:
    for name in ("first", "second", "third"):
        house.supervisor.start(house.service(name))
    pids = [house.supervisor.pid(name) for name in ("first", "second", "third")]
    house.supervisor.stop()

    ready = [event.service for event in house.events if event.kind is Kind.READY]
    stopped = [event.service for event in house.events if event.kind is Kind.STOPPED]
    assert (ready, stopped) == (["first", "second", "third"], ["third", "second", "first"])
    assert [pid for pid in pids if alive(pid)] == []


def test_a_killed_child_is_started_again_as_another_process(house: House) -> None:
    house.supervisor.start(house.service("one"))
    first = house.supervisor.signal("one", signal.SIGKILL)

    eventually(lambda: house.supervisor.pid("one") != first, "another process")
    eventually(lambda: house.said(Kind.READY, "one")[-1] == "ready again", "ready again")
    (status,) = house.supervisor.statuses()
    assert (status.phase, status.restarts) == (Phase.READY, 1)
    assert house.said(Kind.ENDED, "one") == ["was ended by SIGKILL; starting it again in 0.2 s"]


def test_wait_ready_is_not_fooled_by_the_state_before_a_kill(house: House) -> None:
    house.supervisor.start(house.service("one"))
    first = house.supervisor.signal("one", signal.SIGKILL)
    eventually(lambda: not alive(first), "the first process is gone")

    assert house.supervisor.wait_ready(DEADLINE_S)
    assert house.supervisor.pid("one") != first


def test_a_child_that_fails_to_start_shows_its_last_lines(house: House) -> None:
    broken = house.service("broken", "print('no such database'); raise SystemExit(3)")
    with pytest.raises(ChildFailed, match="broken ended with exit status 3") as raised:
        house.supervisor.start(broken)
    assert "no such database" in str(raised.value)
    assert "broken.log" in raised.value.advice


def test_a_child_that_is_never_ready_fails_the_start(house: House) -> None:
    with pytest.raises(ChildFailed, match=r"slow was not ready within 0\.3 s"):
        house.supervisor.start(house.service("slow", IDLE, start_timeout_s=0.3))


def test_a_child_that_ignores_sigterm_is_killed_in_bounded_time(house: House) -> None:
    house.supervisor.start(house.service("deaf", DEAF + SAYS_READY + IDLE, stop_timeout_s=0.3))
    pid = house.supervisor.pid("deaf")
    house.supervisor.stop()
    assert not alive(pid), f"expected process {pid} to be gone"
    assert house.said(Kind.STOPPED, "deaf") == ["did not stop within 0.3 s and was killed"]


def test_a_child_that_stops_answering_is_killed_and_started_again(house: House) -> None:
    well = {"live": True}
    house.supervisor.start(house.service("stuck", live=lambda: well["live"]))
    first = house.supervisor.pid("stuck")
    well["live"] = False
    eventually(lambda: bool(house.said(Kind.STUCK, "stuck")), "the stuck child is noticed")
    well["live"] = True

    eventually(lambda: house.supervisor.pid("stuck") != first, "another process")
    assert "did not answer 3 probes in a row" in house.said(Kind.STUCK, "stuck")[0]


def test_a_crash_loop_is_told_with_the_last_lines(house: House) -> None:
    # It is ready once, and ends whenever its flag is there.
    code = "import os\nprint('disk is full')\nif os.path.exists('{ready}'): raise SystemExit(9)\n"
    service = house.service("looping", code + SAYS_READY + IDLE)
    house.supervisor.start(service)
    house.supervisor.signal("looping", signal.SIGKILL)

    eventually(lambda: bool(house.said(Kind.CRASH_LOOP, "looping")), "the loop is told")
    (told,) = house.said(Kind.CRASH_LOOP, "looping")
    assert "keeps ending (5 times in a row, the last: ended with exit status 9)" in told
    assert "disk is full" in told
    delays = [text.rpartition(" in ")[2] for text in house.said(Kind.ENDED, "looping")]
    assert delays[:5] == ["0.2 s", "0.4 s", "0.8 s", "1.6 s", "3.2 s"]


def test_a_job_that_fails_says_how(house: House) -> None:
    with pytest.raises(ChildFailed, match="topics ended with exit status 4") as raised:
        house.supervisor.run(
            Job("topics", house.command("topics", "print('refused'); raise SystemExit(4)"))
        )
    assert "refused" in str(raised.value)


def test_killing_the_supervisor_leaves_nobody(tmp_path: Path) -> None:
    """Its children are tied to it by the kernel, so even kill -9 takes them along."""
    program = f"""
import sys, time
from pathlib import Path
from contex.local.process import Command
from contex.local.service import Service
from contex.local.supervisor import Supervisor
log = Path({str(tmp_path)!r}) / "child.log"
child = Command([sys.executable, "-c", "import time; time.sleep(600)"], log)
supervisor = Supervisor(lambda event: None)
supervisor.start(Service("child", child, ready=lambda: True), Service("other", child, lambda: True))
print(supervisor.pid("child"), supervisor.pid("other"), flush=True)
time.sleep(600)
"""
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    with mortal(started) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert [alive(pid) for pid in pids] == [True, True]
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not any(map(alive, pids)), f"processes {pids} end with their parent")
