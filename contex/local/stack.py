"""The whole product on one machine: broker, topics, index, workers and gateway, kept running.

The same processes as in production, told the same things. Decides their order and their ports.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from contex.local.children import (
    BROKER,
    GATEWAY,
    INDEX,
    Children,
    Ports,
    StackOptions,
    worker_names,
)
from contex.local.folder import DataFolder
from contex.local.jars import Progress
from contex.local.kafka import LOG_FILE, Broker
from contex.local.ports import LOOPBACK, check_free, free_ports
from contex.local.service import Event, Kind, Report
from contex.local.supervisor import Supervisor

__all__ = ["Stack", "StackOptions"]

READY_TIMEOUT_S: Final = 120.0
_KAFKA: Final = "kafka"


def _ignore(_event: Event) -> None:
    """Tell nobody."""


class Stack:
    """A running stack. Use it as a context manager: it starts on entry and stops on exit.

    Args:
        options: what to run and where.
        report: told what happens, as it happens, from several threads.
        download: told how the download of Kafka goes on, at the first start on a machine.
    """

    def __init__(
        self,
        options: StackOptions,
        report: Report = _ignore,
        download: Progress | None = None,
    ) -> None:
        self.options = options
        self._report = report
        self._download = download
        self._folder = DataFolder(options.data)
        self._supervisor = Supervisor(report, self._write_run)
        self._ports: Ports | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when it serves. After an error, call `stop`.

        Raises:
            StackError: something is in the way; its advice says what to do.
        """
        self._folder.acquire()
        self._ports = _choose(self.options)
        broker = Broker(self._folder.path / _KAFKA, self._ports.kafka, self._ports.controller)
        secret_key = self._folder.secret_key()
        logs = self._folder.log(BROKER).parent
        children = Children(self.options, self._ports, secret_key, logs)
        began_s = time.monotonic()
        command = broker.prepare(self._download)
        elapsed_s = time.monotonic() - began_s
        self._report(
            Event(Kind.READY, _KAFKA, "downloaded and formatted, or there already", elapsed_s)
        )
        self._supervisor.start(children.broker(command), children.index())
        self._supervisor.run(children.topics())
        self._supervisor.start(*children.workers(), children.gateway())

    def stop(self) -> None:
        """End everything in reverse order, by force where it takes too long."""
        try:
            self._supervisor.stop()
        finally:
            self._folder.release()

    def kill_all(self) -> None:
        """End everything at once, without order."""
        self._supervisor.kill()

    def follow(self) -> None:
        """Block until the stack is stopped from elsewhere."""
        self._supervisor.follow()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when every child runs and says that it is ready, asked anew.

        Raises:
            TimeoutError: one was not, in time.
        """
        if not self._supervisor.wait_ready(timeout_s):
            raise TimeoutError(
                f"expected all ready within {timeout_s:g} s, got {self._supervisor.statuses()}"
            )

    def pid(self, name: str) -> int:
        """Return the process id of a child now: broker, index, routing-1, webhooks, gateway."""
        return self._supervisor.pid(name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a child a signal and return the id of the process that got it."""
        return self._supervisor.signal(name, number)

    @property
    def ports(self) -> Ports:
        """Where everything listens. Known once started."""
        if self._ports is None:
            raise RuntimeError("the stack was not started")
        return self._ports

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return f"{LOOPBACK}:{self.ports.kafka}"

    @property
    def gateway_url(self) -> str:
        """Where the REST API is."""
        return f"http://{LOOPBACK}:{self.ports.gateway}"

    @property
    def health_urls(self) -> dict[str, str]:
        """Where each child that serves HTTP does."""
        return {name: f"http://{LOOPBACK}:{port}" for name, port in _http_ports(self.ports).items()}

    @property
    def index_port(self) -> int:
        """The index server's gRPC port."""
        return self.ports.index

    def _log_of(self, name: str) -> Path:
        return self._folder.path / _KAFKA / LOG_FILE if name == BROKER else self._folder.log(name)

    def _write_run(self) -> None:
        ports = {BROKER: self.ports.kafka, INDEX: self.ports.index, **_http_ports(self.ports)}
        self._folder.write_run(
            {
                "pid": os.getpid(),
                "gateway_url": self.gateway_url,
                "bootstrap": self.bootstrap,
                "index_port": self.index_port,
                "children": {
                    status.name: {
                        "pid": status.pid,
                        "phase": status.phase,
                        "restarts": status.restarts,
                        "port": ports[status.name],
                        "url": self.health_urls.get(status.name),
                        "log": str(self._log_of(status.name)),
                    }
                    for status in self._supervisor.statuses()
                },
            }
        )


def _http_ports(ports: Ports) -> Mapping[str, int]:
    return {**ports.health, GATEWAY: ports.gateway}


def _choose(options: StackOptions) -> Ports:
    if options.port:
        check_free(options.port, "The gateway", "--port")
    if options.kafka_port:
        check_free(options.kafka_port, "Kafka", "--kafka-port")
    names = worker_names(options)
    gateway, kafka, controller, index, *health = free_ports(4 + len(names))
    return Ports(
        gateway=options.port or gateway,
        kafka=options.kafka_port or kafka,
        controller=controller,
        index=index,
        health=dict(zip(names, health, strict=True)),
    )
