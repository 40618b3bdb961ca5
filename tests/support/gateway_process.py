"""A gateway as a real process, the topics applied, and what tests read straight from Kafka."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from processes import ended_on_error, is_served

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30
POLL_INTERVAL_S = 0.05


def apply_topics(bootstrap: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "topology", "apply"],
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap},
        check=True,
        capture_output=True,
        timeout=START_TIMEOUT_S,
    )


class GatewayProcess:
    """`python -m gateway`, configured by its environment alone.

    Args:
        first: a statement that its process executes before it begins.
    """

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        *,
        tenant: str,
        settings: Mapping[str, str],
        first: str = "",
    ) -> None:
        self._log = folder / f"gateway-{tenant}.log"
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "CONTEX_TENANT": tenant,
            "CONTEX_LOG_FORMAT": "json",
            **settings,
        }
        started = "import sys; from gateway.__main__ import main; sys.exit(main())"
        self._command = ["-c", f"{first}; {started}"] if first else ["-m", "gateway"]
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.tenant = tenant
        self.url = ""

    def start(self, until: str = "/health/ready") -> None:
        """Start it, on the port it had before if it had one, and wait until `until` answers."""
        environment = {**self._environment, "CONTEX_PORT": str(self._port)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command], env=environment, stderr=log, stdout=log
            )
        with ended_on_error(self._process):
            deadline = time.monotonic() + START_TIMEOUT_S
            while not self._answers(until):
                assert self._process.poll() is None, f"the gateway exited:\n{self.log()}"
                assert time.monotonic() < deadline, f"the gateway is not ready:\n{self.log()}"
                time.sleep(POLL_INTERVAL_S)

    def kill(self) -> None:
        """Kill it with signal 9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)

    def terminate(self) -> None:
        """Ask it to stop, and return at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        assert self._process is not None
        return self._process.wait(STOP_TIMEOUT_S)

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its log lines of one event."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    def _answers(self, path: str) -> bool:
        listening = self.events("gateway.listening")
        if not listening:
            return False
        self.url = listening[0]["url"]
        self._port = int(self.url.rpartition(":")[2])
        return is_served(f"{self.url}{path}")


class TopicReader:
    """Reads topics without any code of the product."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "tests", "enable.auto.commit": False}
        )

    def at(self, topic: str, partition: int, offset: int) -> Any:
        """Return the message that stands exactly there."""
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        message = self._consumer.poll(START_TIMEOUT_S)
        assert message is not None, f"expected a record at {topic}/{partition}@{offset}, got none"
        assert message.error() is None, message.error()
        return message

    def end(self, topic: str, partition: int) -> int:
        """Return the next offset to be written."""
        _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
        return int(end)

    def keys(self, topic: str, partitions: int) -> set[tuple[bytes, int, int]]:
        """Return key, partition and offset of every record."""
        ends = {partition: self.end(topic, partition) for partition in range(partitions)}
        waited_for = {partition for partition, end in ends.items() if end}
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in waited_for])
        found: set[tuple[bytes, int, int]] = set()
        while waited_for:
            message = self._consumer.poll(START_TIMEOUT_S)
            assert message is not None, f"expected {topic} up to {ends}, got {len(found)} records"
            found.add((message.key(), message.partition(), message.offset()))
            if message.offset() + 1 >= ends[message.partition()]:
                waited_for.discard(message.partition())
        return found

    def close(self) -> None:
        self._consumer.close()
