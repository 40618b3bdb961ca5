"""Apache Kafka itself, as one child process on one folder and one port of the loopback interface.

Kills and restarts keep what was acknowledged. Never creates a topic.
"""

import base64
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Final

from contex.local.errors import ChildFailed
from contex.local.jars import Progress, cache_folder, fetch, pinned
from contex.local.java import find_java
from contex.local.kafka_config import BrokerPorts, java_command, server_properties
from contex.local.kafka_probe import broker_answers
from contex.local.ports import LOOPBACK, check_free, free_ports
from contex.local.process import Child, Command, describe_exit

_FORMAT_MAIN: Final = "kafka.tools.StorageTool"
_SERVER_MAIN: Final = "kafka.Kafka"
_FORMAT_TIMEOUT_S: Final = 60.0
_START_TIMEOUT_S: Final = 90.0
_STOP_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.02


LOG_FILE: Final = "broker.log"
"""In the broker's folder: what it says."""


class Broker:
    """One broker. `start` after `kill` or `stop` serves the same records on the same port."""

    def __init__(
        self, data: Path, port: int | None = None, controller_port: int | None = None
    ) -> None:
        self._data = data.absolute()
        free = free_ports(2)
        self._ports = BrokerPorts(port or free[0], controller_port or free[1])
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """Port of the listener for clients."""
        return self._ports.broker

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"{LOOPBACK}:{self._ports.broker}"

    @property
    def pid(self) -> int | None:
        """Process id, or None when it was never started."""
        return None if self._child is None else self._child.pid

    def prepare(self, progress: Progress | None = None) -> Command:
        """Download what is missing, format the storage once, and return what runs the broker."""
        # Somebody else's broker on this port would answer in place of ours.
        check_free(self.port, "Kafka", "--kafka-port")
        java = find_java()
        jars = fetch(pinned(), cache_folder(), progress=progress)
        self._format(java, jars)
        properties = self._data / "server.properties"
        properties.write_text(server_properties(logs=self._storage, ports=self._ports))
        return Command(
            java_command(java, jars, _SERVER_MAIN, str(properties)), self._data / LOG_FILE
        )

    def answers(self) -> bool:
        """Return whether it serves clients now."""
        return broker_answers(LOOPBACK, self._ports.broker)

    def start(self, progress: Progress | None = None) -> None:
        """Start it and return when it answers.

        Raises:
            PortTaken: somebody else listens on its port.
            ChildFailed: it ended or did not answer in time; the message ends with its last lines.
        """
        command = self.prepare(progress)
        self._child = Child(command)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.answers():
            returncode = self._child.returncode()
            if returncode is not None or time.monotonic() > deadline:
                self._child.kill()
                how = "did not answer" if returncode is None else describe_exit(returncode)
                raise _failed(f"Kafka {how}.", self._child, command)
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it in order, or by force when it takes too long."""
        if self._child is not None:
            self._child.stop(_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if self._child is not None:
            self._child.kill()

    @property
    def _storage(self) -> Path:
        return self._data / "storage"

    def _format(self, java: Path, jars: list[Path]) -> None:
        if self._storage.exists():
            return
        self._data.mkdir(parents=True, exist_ok=True)
        # Formatted under another name and renamed: an interrupted one is simply done again.
        unfinished = self._data / "storage.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = self._data / "format.properties"
        properties.write_text(server_properties(logs=unfinished, ports=self._ports))
        arguments = ("format", "--cluster-id", _cluster_id(), "--config", str(properties))
        command = Command(
            java_command(java, jars, _FORMAT_MAIN, *arguments), self._data / "format.log"
        )
        child = Child(command)
        if not child.wait(_FORMAT_TIMEOUT_S):
            child.kill()
        if child.returncode() != os.EX_OK:
            raise _failed("Kafka's storage could not be formatted.", child, command)
        unfinished.rename(self._storage)
        properties.unlink()


def _cluster_id() -> str:
    # The form that Kafka gives its ids. One that began with a dash would read as an option.
    encoded = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")
    return "C" + encoded[1:].rstrip("=")


def _failed(message: str, child: Child, command: Command) -> ChildFailed:
    return ChildFailed(
        f"{message} Its last lines:\n{child.last_words()}",
        advice=f"The whole log is {command.log}.",
    )
