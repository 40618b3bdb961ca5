"""The data folder of one stack: its lock, its secret key, and run.json, which says what runs.

run.json is replaced whole, never half written, and removed when the stack has ended in order.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import IO, Final

from contex.local.errors import FolderInUse

_OWNER_ONLY: Final = 0o600


class DataFolder:
    """A folder that at most one running stack holds."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
        self._writing = Lock()

    @property
    def run_file(self) -> Path:
        """Where run.json is."""
        return self.path / "run.json"

    def log(self, name: str) -> Path:
        """Return where the output of a child goes."""
        return self.path / "logs" / f"{name}.log"

    def acquire(self) -> None:
        """Take the folder, creating it. The kernel gives it back when this process ends.

        Raises:
            FolderInUse: another stack holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise FolderInUse(
                f"Another stack (process {holder}) works in {self.path}.",
                advice=f"Stop it (`kill {holder}`), or use another folder: `--data FOLDER`.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Remove run.json and give the folder back."""
        if self._lock is not None:
            self.run_file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def write_run(self, content: Mapping[str, object]) -> None:
        """Replace run.json."""
        unfinished = self.run_file.with_suffix(".unfinished")
        with self._writing:
            unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            unfinished.replace(self.run_file)

    def secret_key(self) -> str:
        """Return the key that seals webhook secrets, made at the first call, for its owner only."""
        path = self.path / "secret.key"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            from contex.webhooks.secrets import generate_key  # noqa: PLC0415 - once per folder

            key = generate_key()
        unfinished = path.with_suffix(".unfinished")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key)
        unfinished.replace(path)
        return key
