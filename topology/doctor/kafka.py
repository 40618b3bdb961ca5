"""Kafka from outside: whether it is reached, where it sends clients, and what its clock says.

Decides what each obstacle means for a person. Needs no client library.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contex.log.broker_wire import Node
from contex.log.reach import Obstacle, Reached, address, knock, reach
from topology.doctor.findings import Finding, fail, ok, skip, warn
from topology.doctor.surroundings import Surroundings

SUBJECT = "Kafka"
CLOCK_MS_WARN = 1_000
CLOCK_MS_FAIL = 60_000
SERVERS_LOOKED_AT_MAX = 3
_MS = 1_000
_SET = "set KAFKA_BOOTSTRAP_SERVERS"
_STEPS = {
    Obstacle.NO_HOST: f"Correct the host name: {_SET}.",
    Obstacle.REFUSED: f"Start it (`contex dev` starts all), or {_SET} to where it runs.",
    Obstacle.TIMEOUT: "Wrong host, or a firewall in between?",
    Obstacle.UNREACHABLE: "Look at the network (VPN, container, route).",
    Obstacle.SILENT: "Kafka is starting or hangs, or this is another server's port: read its log.",
    Obstacle.CLOSED: "A TLS or SASL listener? Contex speaks plaintext: use that listener's port.",
    Obstacle.NOT_KAFKA: f"A wrong port? Kafka's is usually 9092: {_SET}.",
}


@dataclass(slots=True)
class Facts:
    """What one check learns and another uses."""

    ahead_ms: float | None = None
    index_ids: list[str] = field(default_factory=list)


def look_at_kafka(where: Surroundings, facts: Facts) -> Sequence[Finding]:
    """Check the bootstrap servers, and the brokers that the cluster sends clients to."""
    servers = str(where.value("KAFKA_BOOTSTRAP_SERVERS")).split(",")
    away: list[tuple[str, Obstacle]] = []
    for server in servers[:SERVERS_LOOKED_AT_MAX]:
        answer = reach(*address(server))
        if isinstance(answer, Reached):
            facts.ahead_ms = answer.ahead_ms
            return [
                *(warn(SUBJECT, f"{one}: {why.value}", _STEPS[why]) for one, why in away),
                *_cluster(server, answer.nodes),
            ]
        away.append((server, answer.obstacle))
    return [fail(SUBJECT, f"{one}: {why.value}", _STEPS[why]) for one, why in away]


def look_at_clock(facts: Facts) -> Sequence[Finding]:
    """Compare the brokers' clock with this machine's."""
    subject = "clock"
    if facts.ahead_ms is None:
        return [skip(subject, "this cluster does not tell its time")]
    difference = abs(facts.ahead_ms)
    if difference < CLOCK_MS_WARN:
        return [ok(subject, f"within {max(1, round(difference))} ms of the broker's")]
    behind = "ahead of" if facts.ahead_ms < 0 else "behind"
    text = f"this machine's is {difference / _MS:,.1f} s {behind} the broker's"
    step = "Synchronise both (NTP): signatures of webhooks and times of values depend on it."
    level = fail if difference >= CLOCK_MS_FAIL else warn
    return [level(subject, text, step)]


def _cluster(server: str, nodes: Sequence[Node]) -> list[Finding]:
    """Say whether the addresses that the cluster tells clients lead anywhere from here."""
    if not nodes:
        text = f"{server} answers, but no broker has joined its cluster yet"
        return [fail(SUBJECT, text, "It is starting, or cannot reach its controllers: its log.")]
    lost = [
        (node, why)
        for node in nodes[:SERVERS_LOOKED_AT_MAX]
        if (why := knock(node.host, node.port)) is not None
    ]
    if lost:
        return [
            fail(
                SUBJECT,
                f"{server} answers, and sends clients to {node.host}:{node.port}: {why.value}",
                "Correct the broker's advertised.listeners: they must lead here too.",
            )
            for node, why in lost
        ]
    brokers = "1 broker" if len(nodes) == 1 else f"{len(nodes)} brokers"
    return [ok(SUBJECT, f"{server} answers, {brokers}")]
