"""The routing worker as a process of its own, over a real broker and the embedded engine."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from processes import ended_on_error, is_served
from product import wait_until

from contex.local.ports import free_ports

STOP_S_MAX = 60.0


class RoutingProcess:
    """`python -m workers.routing`, configured by its environment alone."""

    def __init__(
        self, bootstrap: str, index_port: int, folder: Path, settings: Mapping[str, str]
    ) -> None:
        self._log = folder / "routing.log"
        [self._health] = free_ports(1)
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "QDRANT_URL": f"http://127.0.0.1:{index_port}",
            "QDRANT_GRPC_PORT": str(index_port),
            "CONTEX_HEALTH_PORT": str(self._health),
            "CONTEX_EMBEDDER": "deterministic",
            "CONTEX_LOG_FORMAT": "json",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and return when it has partitions."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.routing"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        if wait:
            with ended_on_error(self._process):
                wait_until(self.is_ready, "the routing worker to be ready")

    def is_running(self) -> bool:
        """Say whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """Say whether it serves its partitions."""
        return is_served(f"http://127.0.0.1:{self._health}/health/ready")

    def terminate(self) -> int:
        """Ask it to stop, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        assert self._process is not None
        return self._process.wait(STOP_S_MAX)

    def kill(self) -> None:
        """End it at once if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text()
