"""The broker's configuration and command lines, as pure text: no process, no file, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MESSAGE_BYTES_MAX: Final = 9 * 1024 * 1024
"""More than the largest topic limit (8 MiB): the topic's own limit is the one that speaks."""
_OFFSETS_PARTITIONS: Final = 12
_HEAP_MIB: Final = 512
_LOGGERS: Final = {
    "defaultLogLevel": "warn",
    "showDateTime": "true",
    "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "log.kafka.server.KafkaRaftServer": "info",
    "log.org.apache.kafka.server.util.ShutdownableThread": "error",
}


@dataclass(frozen=True, slots=True)
class BrokerPorts:
    """Where the broker's two listeners are."""

    broker: int
    controller: int


def server_properties(*, logs: Path, ports: BrokerPorts) -> str:
    """Return the `server.properties` of one broker that is its own controller."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": (
            f"BROKER://127.0.0.1:{ports.broker},CONTROLLER://127.0.0.1:{ports.controller}"
        ),
        "advertised.listeners": f"BROKER://127.0.0.1:{ports.broker}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": logs,
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": _OFFSETS_PARTITIONS,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": _OFFSETS_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A broker that was killed is taken back after this long, instead of nine seconds.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
        "socket.request.max.bytes": 104_857_600,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16_777_216,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java_command(
    java: Path, classpath: Sequence[Path], main: str, *arguments: str, flags: Sequence[str] = ()
) -> list[str]:
    """Return the command line of one of Kafka's main classes."""
    return [
        str(java),
        f"-Xmx{_HEAP_MIB}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        *(f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in _LOGGERS.items()),
        *flags,
        "-cp",
        ":".join(map(str, classpath)),
        main,
        *arguments,
    ]
