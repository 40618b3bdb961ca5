"""Keeps child processes running: starts them in order, restarts what ends or stops answering.

Nobody is left behind: `stop` ends with SIGKILL, and each child is tied to this process by the
kernel (see shim), so that it goes even when the supervisor is killed with -9.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from contex.local.errors import ChildFailed
from contex.local.process import Child, describe_exit
from contex.local.restarts import LOOP_ENDS
from contex.local.service import Event, Job, Kind, Phase, Report, Service, Status
from contex.local.slot import Slot

_TICK_S: Final = 0.05
_PROBES_AT_ONCE_MAX: Final = 16
_START_POLL_S: Final = 0.1
_READY_POLL_S: Final = 0.1
LIVE_INTERVAL_S: Final = 2.0
LIVE_MISSES_MAX: Final = 5


class Supervisor:
    """Runs services. `start` and `stop` are called by one thread; the rest by any."""

    def __init__(
        self,
        report: Report,
        changed: Callable[[], None] = lambda: None,
        *,
        live_interval_s: float = LIVE_INTERVAL_S,
        live_misses_max: int = LIVE_MISSES_MAX,
    ) -> None:
        self._report = report
        self._changed = changed
        self._live_interval_s = live_interval_s
        self._live_misses_max = live_misses_max
        self._groups: list[list[Slot]] = []
        self._lock = threading.RLock()
        # No event: its lock would be waited for, for ever, by a signal that comes while it is set.
        self._stopping = False
        self._probes = ThreadPoolExecutor(_PROBES_AT_ONCE_MAX, thread_name_prefix="probe")
        self._watcher = ThreadPoolExecutor(1, thread_name_prefix="supervisor")
        self._watch: Future[None] | None = None
        self._watch_is_over = False

    def run(self, job: Job) -> None:
        """Run `job` to its end.

        Raises:
            ChildFailed: it failed or took too long.
        """
        began_s = time.monotonic()
        child = Child(job.command)
        try:
            ended = child.wait(job.timeout_s)
        finally:
            child.kill()
        returncode = child.returncode()
        if not ended or returncode:
            how = describe_exit(returncode or 0) if ended else f"took over {job.timeout_s:g} s"
            raise _failed(job, child, how)
        self._report(Event(Kind.READY, job.name, "done", time.monotonic() - began_s))

    def start(self, *services: Service) -> None:
        """Start `services` together and return when all are ready.

        Raises:
            ChildFailed: one ended or was not ready in time. Call `stop` then.
        """
        group: list[Slot] = []
        self._groups.append(group)
        for service in services:
            group.append(Slot(service))
            self._changed()
        waiting = list(group)
        while waiting := [slot for slot in waiting if not self._is_up(slot)]:
            time.sleep(_START_POLL_S)
        with self._lock:
            for slot in group:
                slot.watched = True
        if self._watch is None:
            self._watch = self._watcher.submit(self._watch_all)

    def _is_up(self, slot: Slot) -> bool:
        service = slot.service
        returncode = slot.child.returncode()
        if returncode is not None:
            raise _failed(service, slot.child, describe_exit(returncode))
        if not service.ready():
            if slot.ran_s() > service.start_timeout_s:
                how = f"was not ready within {service.start_timeout_s:g} s"
                raise _failed(service, slot.child, how)
            return False
        slot.phase = Phase.READY
        self._report(Event(Kind.READY, service.name, "ready", slot.ran_s()))
        self._changed()
        return True

    def statuses(self) -> list[Status]:
        """Return every service as it is now, in the order of starting."""
        with self._lock:
            return [slot.status() for slot in self._slots()]

    def pid(self, name: str) -> int:
        """Return the process id of a service's current child."""
        return self._slot(name).child.pid

    def signal(self, name: str, number: int) -> int:
        """Send a signal to a service's current child and return its process id."""
        with self._lock:
            child = self._slot(name).child
            child.signal(number)
        return child.pid

    def wait_ready(self, timeout_s: float) -> bool:
        """Return whether, within `timeout_s`, every service runs and says that it is ready."""
        deadline_s = time.monotonic() + timeout_s
        while not all(slot.serves() for slot in self._slots()):
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_READY_POLL_S)
        return True

    def follow(self) -> None:
        """Block until `stop` is called from elsewhere. A failure of supervision is raised here.

        It sleeps and looks, and waits for no lock: a signal that comes just before such a wait is
        seen when it ends, and one whose handler raises may leave the lock as it must not be.
        """
        if self._watch is not None:
            while not self._watch_is_over:
                time.sleep(_TICK_S)
            self._watch.result()

    def stop(self) -> None:
        """End all services, the last started first; those started together, together."""
        self._stopping = True
        try:
            self.follow()
        finally:
            for group in reversed(self._groups):
                self._stop_group(group)
            self._probes.shutdown(cancel_futures=True)
            self._watcher.shutdown()

    def kill(self) -> None:
        """End all services at once, without order. Waits for no lock: a signal may call it."""
        self._stopping = True
        for slot in self._slots():
            slot.child.kill()

    def _stop_group(self, group: Sequence[Slot]) -> None:
        with ThreadPoolExecutor(max(1, len(group)), thread_name_prefix="stop") as pool:
            stopped = [pool.submit(self._stop_one, slot) for slot in group]
            # With a clock: a signal that comes just before a wait is seen only when that ends.
            while wait(stopped, timeout=_TICK_S).not_done:
                pass
            for one in stopped:
                one.result()

    def _stop_one(self, slot: Slot) -> None:
        began_s = time.monotonic()
        text = "stopped"
        if slot.child.returncode() is None and not slot.child.stop(slot.service.stop_timeout_s):
            text = f"did not stop within {slot.service.stop_timeout_s:g} s and was killed"
        slot.phase = Phase.STOPPED
        elapsed_s = time.monotonic() - began_s
        self._report(Event(Kind.STOPPED, slot.service.name, text, elapsed_s))
        self._changed()

    def _watch_all(self) -> None:
        try:
            while not self._stopping:
                with self._lock:
                    for slot in self._slots():
                        if slot.watched and not self._stopping:
                            self._watch_one(slot)
                time.sleep(_TICK_S)
        finally:
            self._watch_is_over = True

    def _watch_one(self, slot: Slot) -> None:
        if slot.phase is Phase.WAITING:
            if time.monotonic() >= slot.due_s:
                slot.restart()
                self._changed()
            return
        returncode = slot.child.returncode()
        if returncode is not None:
            self._ended(slot, describe_exit(returncode))
            return
        answer = slot.probe(self._probes, self._live_interval_s)
        if answer is None:
            return
        if slot.phase is Phase.STARTING:
            self._judge_start(slot, answer=answer)
        else:
            self._judge_life(slot, answer=answer)

    def _ended(self, slot: Slot, how: str) -> None:
        name, log = slot.service.name, slot.service.command.log
        verdict = slot.ended(time.monotonic())
        text = f"{how}; starting it again in {verdict.delay_s:g} s"
        self._report(Event(Kind.ENDED, name, text))
        if verdict.loop:
            text = (
                f"keeps ending ({LOOP_ENDS} times in a row, the last: {how}). "
                f"Contex goes on trying. Its last lines, from {log}:\n{slot.child.last_words()}"
            )
            self._report(Event(Kind.CRASH_LOOP, name, text))
        self._changed()

    def _judge_start(self, slot: Slot, *, answer: bool) -> None:
        name = slot.service.name
        if answer:
            slot.phase = Phase.READY
            self._report(Event(Kind.READY, name, "ready again", slot.ran_s()))
            self._changed()
        elif slot.ran_s() > slot.service.start_timeout_s:
            text = f"was not ready within {slot.service.start_timeout_s:g} s and is killed"
            self._report(Event(Kind.STUCK, name, text))
            slot.child.kill()

    def _judge_life(self, slot: Slot, *, answer: bool) -> None:
        slot.child.trim_log()
        slot.misses = 0 if answer else slot.misses + 1
        if slot.misses >= self._live_misses_max:
            text = f"did not answer {slot.misses} probes in a row and is killed"
            self._report(Event(Kind.STUCK, slot.service.name, text))
            slot.child.kill()

    def _slots(self) -> list[Slot]:
        return [slot for group in self._groups for slot in group]

    def _slot(self, name: str) -> Slot:
        for slot in self._slots():
            if slot.service.name == name:
                return slot
        raise KeyError(f"no service {name!r}; there are {[s.service.name for s in self._slots()]}")


def _failed(what: Service | Job, child: Child, how: str) -> ChildFailed:
    return ChildFailed(
        f"{what.name} {how}. Its last lines:\n{child.last_words()}",
        advice=f"The whole log is {what.command.log}.",
    )
