"""The processes of the stack, as the supervisor is told of them. Starts none itself.

Each is configured by its environment alone, as in production.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contex.local.kafka_probe import broker_answers
from contex.local.ports import LOOPBACK
from contex.local.probes import http_probe, index_answers
from contex.local.process import Command
from contex.local.service import Job, Service

BROKER: Final = "broker"
INDEX: Final = "index"
TOPICS: Final = "topics"
WEBHOOKS: Final = "webhooks"
GATEWAY: Final = "gateway"
_WEBHOOK_ALLOW: Final = "127.0.0.0/8,::1/128"
"""A receiver under development runs on this machine."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What the person who starts a stack may choose. A port of 0 is any free one."""

    data: Path
    port: int = 0
    kafka_port: int = 0
    routing_workers: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to every child's environment; wins over all that the stack sets."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens."""

    gateway: int
    kafka: int
    controller: int
    index: int
    health: Mapping[str, int]
    """The health port of each worker, by name."""


def routing_names(count: int) -> list[str]:
    """Return the names of the routing workers."""
    return [f"routing-{number}" for number in range(1, count + 1)]


def worker_names(options: StackOptions) -> list[str]:
    """Return the names of all workers."""
    return [*routing_names(options.routing_workers), WEBHOOKS]


def environment(options: StackOptions, ports: Ports, secret_key: str) -> dict[str, str]:
    """Return what every child finds in its environment."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{ports.kafka}",
        "QDRANT_URL": f"http://{LOOPBACK}:{ports.index}",
        "QDRANT_GRPC_PORT": str(ports.index),
        "CONTEX_SECRET_KEYS": secret_key,
        "CONTEX_WEBHOOK_ALLOW": _WEBHOOK_ALLOW,
        "CONTEX_HOST": LOOPBACK,
        "PYTHONUNBUFFERED": "1",
        **options.environment,
    }


class Children:
    """Builds each child for one choice of options, ports, environment and log folder."""

    def __init__(self, options: StackOptions, ports: Ports, secret_key: str, logs: Path) -> None:
        self._options = options
        self._ports = ports
        self._environment = environment(options, ports, secret_key)
        self._logs = logs

    def broker(self, command: Command) -> Service:
        """Return Kafka, which is run by `command`."""
        port = self._ports.kafka
        probe = lambda: broker_answers(LOOPBACK, port)  # noqa: E731 - a probe takes no argument
        return Service(BROKER, command, probe, probe)

    def index(self) -> Service:
        """Return the index server."""
        port = self._ports.index
        folder = str(self._options.data.absolute() / INDEX)
        command = self._python(
            INDEX, "contex.local.index_server", "--data", folder, "--port", str(port)
        )
        probe = lambda: index_answers(port)  # noqa: E731 - a probe takes no argument
        return Service(INDEX, command, probe, probe)

    def topics(self) -> Job:
        """Return the job that creates the topics."""
        return Job(TOPICS, self._python(TOPICS, "topology", "apply"))

    def workers(self) -> list[Service]:
        """Return the routing and webhook workers."""
        return [self._worker(name) for name in worker_names(self._options)]

    def gateway(self) -> Service:
        """Return the gateway."""
        port = self._ports.gateway
        command = self._python(GATEWAY, "gateway", CONTEX_PORT=str(port))
        return self._http(GATEWAY, command, port)

    def _worker(self, name: str) -> Service:
        port = self._ports.health[name]
        module = "workers.webhooks" if name == WEBHOOKS else "workers.routing"
        command = self._python(name, module, CONTEX_HEALTH_PORT=str(port))
        return self._http(name, command, port)

    def _http(self, name: str, command: Command, port: int) -> Service:
        ready, live = http_probe(port, "/health/ready"), http_probe(port, "/health/live")
        return Service(name, command, ready, live)

    def _python(self, name: str, module: str, *arguments: str, **variables: str) -> Command:
        argv = [sys.executable, "-m", module, *arguments]
        return Command(argv, self._logs / f"{name}.log", {**self._environment, **variables})
