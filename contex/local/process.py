"""One child process: started tied to its parent, logged to a bounded file, stopped for certain.

Never decides whether a child should run.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contex.local import shim

LOG_BYTES_MAX: Final = 16 * 1024 * 1024
TAIL_LINES_MAX: Final = 20
_TAIL_BYTES_MAX: Final = 16 * 1024
_KILL_WAIT_S: Final = 10.0

# A child dies with the *thread* that started it (see shim): all are started by one that stays.
_spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's own."""
    folder: Path | None = None


class Child:
    """A started process."""

    def __init__(self, command: Command) -> None:
        self._command = command
        trim(command.log)
        self._log_start_bytes = _size_bytes(command.log)
        self._popen = _spawner.submit(_spawn, command).result()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._popen.pid

    def returncode(self) -> int | None:
        """Return the exit status, negative for a signal, or None while it runs."""
        return self._popen.poll()

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Return whether it ended within `timeout_s`."""
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, timeout_s: float) -> bool:
        """Ask it to end, wait, then kill it. Return whether it ended by itself."""
        self.signal(signal.SIGTERM)
        if self.wait(timeout_s):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self._popen.wait(_KILL_WAIT_S)

    def trim_log(self) -> None:
        """Cut the log when it has grown beyond its bound; the newest part is kept beside it."""
        if trim(self._command.log):
            self._log_start_bytes = 0

    def last_words(self) -> str:
        """Return the last lines that this very process wrote, indented."""
        lines = tail(self._command.log, since_bytes=self._log_start_bytes)
        return "\n".join(f"  {line}" for line in lines) or "  (it wrote nothing)"


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    command.log.parent.mkdir(parents=True, exist_ok=True)
    tied = [sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), *command.argv]
    with command.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own command lines, no shell
            tied,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **command.environment},
            cwd=command.folder,
            # Ctrl-C in a terminal reaches the parent alone, which then stops all in order.
            start_new_session=True,
        )


def trim(log: Path, bytes_max: int = LOG_BYTES_MAX) -> bool:
    """Move a log that has grown beyond `bytes_max` to `<name>.1`; return whether it was moved.

    The writer has the file open for appending, so it is emptied in place; what is written between
    the copy and the cut is lost, which is a few lines of a log.
    """
    if not log.exists() or log.stat().st_size <= bytes_max:
        return False
    with log.open("rb") as source:
        source.seek(-bytes_max, os.SEEK_END)
        log.with_suffix(log.suffix + ".1").write_bytes(source.read(bytes_max))
    os.truncate(log, 0)
    return True


def tail(log: Path, *, lines_max: int = TAIL_LINES_MAX, since_bytes: int = 0) -> list[str]:
    """Return the last lines of a log after its first `since_bytes`; none if there is no log."""
    try:
        with log.open("rb") as source:
            size_bytes = source.seek(0, os.SEEK_END)
            source.seek(max(since_bytes, size_bytes - _TAIL_BYTES_MAX))
            text = source.read(_TAIL_BYTES_MAX).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines_max:]


def _size_bytes(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def describe_exit(returncode: int) -> str:
    """Say how a process ended."""
    if returncode >= 0:
        return f"ended with exit status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"was ended by {name}"


Ready = Callable[[], bool]
"""Says whether a child serves, quickly and without raising."""
