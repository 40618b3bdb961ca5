"""The engines that the index's contract is tried on, and what the cases share."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
from processes import ended_on_error, eventually

from contex.embedding.port import Vectors
from contex.index.port import Index
from contex.index.types import AgentNeeds, ValueChunks
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need

DIMENSIONS = 48
STOP_TIMEOUT_S = 20.0
_LISTENS = re.compile(r"index engine on .*:(?P<port>\d+)\n")


@dataclass
class EngineProcess:
    """The embedded engine server as a child process; a restart keeps port and folder."""

    folder: Path
    port: int = 0
    child: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start, and return when it listens."""
        child = self.child = self.spawn()
        with ended_on_error(child):
            eventually(
                lambda: child.poll() is not None or _LISTENS.match(self.words()) is not None,
                "the index engine says where it listens",
            )
        said = _LISTENS.match(self.words())
        assert said is not None, f"expected its address, got {self.words()!r}"
        self.port = int(said["port"])

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start without waiting."""
        command = [sys.executable, "-u", "-m", "contex.local.index_server"]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*command, "--data", str(self.folder), "--port", str(self.port)],
                stdout=log,
                stderr=log,
            )

    def words(self) -> str:
        """Return what it has printed since it was started."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-{id(self)}.log")

    def kill(self) -> None:
        """End it at once, without any notice."""
        self._end(lambda child: child.kill())

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        return self._end(lambda child: child.terminate())

    def _end(self, how: "Callable[[subprocess.Popen[bytes]], None]") -> int:
        if self.child is None:
            return 0
        how(self.child)
        code = self.child.wait(STOP_TIMEOUT_S)
        self.child = None
        return code


@dataclass(frozen=True)
class Opened:
    """An index under test and a way to open more clients of the same one."""

    index: Index
    another: Callable[[], Index]


def unit_vectors(count: int, seed: int, dimensions: int = DIMENSIONS) -> Vectors:
    """Return random unit vectors, the same for the same seed."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions))
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def fresh_scope() -> Scope:
    """Return a scope that nobody else uses, so that cases can share an engine."""
    return Scope(f"tenant-{uuid4().hex}", "project")


def value_keys(scope: Scope, names: Sequence[str]) -> list[ValueKey]:
    """Return keys in a scope."""
    return [ValueKey(scope, name) for name in names]


def agent(scope: Scope, name: str = "agent") -> AgentKey:
    """Return an agent of a scope."""
    return AgentKey(scope, name)


def chunks(key: ValueKey, revision: int, count: int = 1, value: Value | None = None) -> ValueChunks:
    """Return chunks of a revision; the same vectors for the same revision."""
    return ValueChunks(key, revision, unit_vectors(count, revision), value)


def one_need(key: AgentKey, epoch: int, vector: int = 0, threshold: float = 0.9) -> AgentNeeds:
    """Return the needs of an epoch: a single one."""
    need = Need(f"need of epoch {epoch}", threshold)
    return AgentNeeds(key, epoch, (need,), unit_vectors(1, vector))
