"""The table of checks: what is looked at, in the order of the report, and what needs what.

Decides the order alone. A check that needs the server's libraries is imported when it is run.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from topology.doctor import gateway, index, kafka, machine
from topology.doctor.examination import Check
from topology.doctor.findings import Finding
from topology.doctor.kafka import Facts
from topology.doctor.surroundings import Surroundings


def checks(where: Surroundings) -> Sequence[Check]:
    """Return every check, bound to the place that it looks at."""
    facts = Facts()
    table = [
        Check("Python", machine.look_at_python),
        Check("settings", lambda: machine.look_at_settings(where)),
        Check("disk", lambda: machine.look_at_disk(where)),
        Check("model", lambda: machine.look_at_model(where)),
        Check("Kafka", lambda: kafka.look_at_kafka(where, facts)),
        Check("clock", lambda: kafka.look_at_clock(facts), ("Kafka",)),
        Check("topics", _later("cluster", "look_at_topics", where), ("Kafka",)),
        Check("schemas", _later("registry", "look_at_schemas", where)),
        Check("index", lambda: index.look_at_index(where, facts)),
        Check("gateway", lambda: gateway.look_at_gateway(where)),
        Check("routing", _later("cluster", "look_at_routing", where, facts), ("topics", "index")),
        Check("webhooks", _later("cluster", "look_at_webhooks", where), ("topics",)),
        Check("dead letters", _later("cluster", "look_at_dead_letters", where), ("topics",)),
    ]
    if where.dev is not None:
        table.insert(0, Check("contex dev", lambda: machine.look_at_dev(where)))
    return table


def _later(module: str, name: str, *arguments: object) -> Callable[[], Sequence[Finding]]:
    def look() -> Sequence[Finding]:
        function: Any = getattr(importlib.import_module(f"topology.doctor.{module}"), name)
        found: Sequence[Finding] = function(*arguments)
        return found

    return look
