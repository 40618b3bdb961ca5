"""One supervised service: its current child, and what is known about both. Decides nothing."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from contex.local.process import Child
from contex.local.restarts import Restarts, Verdict
from contex.local.service import Phase, Service, Status

_START_INTERVAL_S: Final = 0.1


class Slot:
    """A service, its current child and what is known about both."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.child = Child(service.command)
        self.phase = Phase.STARTING
        self.watched = False
        self.misses = 0
        self.due_s = 0.0
        self._started_s = time.monotonic()
        self._restarts = Restarts()
        self._restart_count = 0
        self._probe: Future[bool] | None = None
        self._next_probe_s = 0.0

    def ran_s(self) -> float:
        """Return for how long the current child has run."""
        return time.monotonic() - self._started_s

    def serves(self) -> bool:
        """Return whether the child runs and says it is ready, asked now."""
        return self.child.returncode() is None and self.service.ready()

    def status(self) -> Status:
        """Return what others may know of it."""
        return Status(self.service.name, self.phase, self.child.pid, self._restart_count)

    def ended(self, now_s: float) -> Verdict:
        """Note the end of the child and plan its restart."""
        verdict = self._restarts.ended(now_s=now_s, ran_s=self.ran_s())
        self.phase = Phase.WAITING
        self.due_s = now_s + verdict.delay_s
        return verdict

    def restart(self) -> None:
        """Replace the child by a new one."""
        self.child.trim_log()
        self.child = Child(self.service.command)
        self.phase = Phase.STARTING
        self.misses = 0
        self._started_s = time.monotonic()
        self._restart_count += 1
        self._probe = None

    def probe(self, pool: ThreadPoolExecutor, live_interval_s: float) -> bool | None:
        """Return the answer of a probe that has ended, else see that one is under way."""
        starting = self.phase is Phase.STARTING
        ask = self.service.ready if starting else self.service.live
        if ask is None:
            return None
        if self._probe is None:
            if time.monotonic() >= self._next_probe_s:
                self._probe = pool.submit(ask)
            return None
        if not self._probe.done():
            return None
        answer = self._probe.result()
        self._probe = None
        self._next_probe_s = time.monotonic() + (_START_INTERVAL_S if starting else live_interval_s)
        return answer
