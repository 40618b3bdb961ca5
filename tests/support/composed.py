"""Our services of docker-compose.yml, run as it says, on the embedded Kafka, registry and index.

Command, environment, health check, replicas and the order of starting are the file's; only what a
container would bring is replaced: addresses, ports, the folder of programs and the temporary one.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from compose_file import Service, loaded, ours
from index_engines import EngineProcess

from contex.local.kafka import Broker
from contex.local.ports import free_ports
from contex.local.registry import Registry
from contex.webhooks.secrets import generate_key

BIN = Path(sys.executable).parent
HEALTHY_S_MAX = 120.0
STOP_S_MAX = 60.0
_POLL_S = 0.2
_FOREIGN = ("kafka", "registry", "qdrant")


@dataclass
class Container:
    """One replica of a service."""

    service: Service
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    log: Path

    def is_healthy(self) -> bool:
        """Run the health check, as the engine would inside."""
        assert self.service.check is not None
        asked = subprocess.run(
            self.service.check, env=self.environment, check=False, timeout=STOP_S_MAX
        )
        return asked.returncode == 0

    def peak_mib(self) -> float:
        """Return the most memory that it has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024


class Composed:
    """The services, running. Use as a context manager."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._given = {"CONTEX_SECRET_KEYS": generate_key(), **(environ or {})}
        self.broker = Broker(folder / "kafka")
        self.registry = Registry(folder / "registry", environment=self._of_registry())
        self.engine = EngineProcess(folder / "index")
        self.services = ours(self._given)
        self.containers: dict[str, list[Container]] = {}
        self.work = folder / "work"
        self.temporary = folder / "tmp"

    def __enter__(self) -> Self:
        for one in (self.work, self.temporary):
            one.mkdir()
        try:
            self.broker.start()
            self.registry.start()
            self.engine.start()
            for service in self.services.values():
                self._start(service)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for replicas in self.containers.values():
            for one in replicas:
                one.process.kill()
                one.process.wait()
        self.engine.kill()
        self.registry.kill()
        self.broker.kill()

    def port(self, name: str) -> int:
        """Return the port at which the first replica of a service answers."""
        environment = self.containers[name][0].environment
        return int(environment.get("CONTEX_HEALTH_PORT") or environment["CONTEX_PORT"])

    def run(self, name: str, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command inside a service, as `docker compose exec` does."""
        gateway = {"CONTEX_URL": f"http://127.0.0.1:{self.port('gateway')}"}  # 8000 in a container
        environment = {**self.containers[name][0].environment, **gateway}
        return subprocess.run(
            command,
            env=environment,
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
            timeout=HEALTHY_S_MAX,
        )

    def _of_registry(self) -> dict[str, str]:
        """Return the registry's environment, which keeps the schemas in Kafka."""
        told: dict[str, str] = loaded(self._given)["services"]["registry"]["environment"]
        kafka = {"APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": self.broker.bootstrap}
        return {name: text for name, text in told.items() if name.startswith("APICURIO_")} | kafka

    def _start(self, service: Service) -> None:
        """Start a service once what it depends on is as it asks."""
        for name, condition in service.depends_on.items():
            if name not in _FOREIGN:  # those answer before anything of ours starts
                self._wait(name, condition)
        self.containers[service.name] = [
            self._run(service, number) for number in range(service.replicas)
        ]

    def _run(self, service: Service, number: int) -> Container:
        environment = self._environment(service)
        log = self._folder / f"{service.name}-{number}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                service.command, env=environment, cwd=self.work, stdout=out, stderr=out
            )
        return Container(service, environment, process, log)

    def _environment(self, service: Service) -> dict[str, str]:
        """Return the service's environment and nothing of this process', as in a container."""
        health, gateway = free_ports(2)
        elsewhere = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap,
            "SCHEMA_REGISTRY_URL": self.registry.url,
            "QDRANT_URL": f"http://127.0.0.1:{self.engine.port}",
            "QDRANT_GRPC_PORT": str(self.engine.port),
            "CONTEX_HEALTH_PORT": str(health),
            "CONTEX_PORT": str(gateway),
        }
        told = {
            name: elsewhere.get(name, text) if text else text
            for name, text in service.environment.items()
        }
        return {**told, "TMPDIR": str(self.temporary), "HOME": str(self.temporary)}

    def _wait(self, name: str, condition: str) -> None:
        deadline = time.monotonic() + HEALTHY_S_MAX
        for one in self.containers[name]:
            if condition == "service_completed_successfully":
                assert one.process.wait(HEALTHY_S_MAX) == 0, one.log.read_text()
                continue
            assert condition == "service_healthy", condition
            while not one.is_healthy():
                assert one.process.poll() is None, one.log.read_text()
                assert time.monotonic() < deadline, f"{name} is not healthy:\n{one.log.read_text()}"
                time.sleep(_POLL_S)

    def wait_healthy(self) -> None:
        """Return once every service that has a health check passes it."""
        for name, replicas in self.containers.items():
            if replicas[0].service.check is not None:
                self._wait(name, "service_healthy")

    def stop(self) -> dict[str, list[int]]:
        """Ask all services to stop, in reverse order, and return their exit statuses."""
        statuses: dict[str, list[int]] = {}
        for name, replicas in reversed(self.containers.items()):
            for one in replicas:
                one.process.terminate()
            statuses[name] = [one.process.wait(STOP_S_MAX) for one in replicas]
        return statuses
