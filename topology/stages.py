"""The stages: which process reads what, writes what, and where it puts what it gives up.

Decides the edges of the topology and the names of the consumer groups. Starts nothing.
"""

import re
from dataclasses import dataclass

from topology.catalogue import (
    ATTEMPTS,
    PUBLICATIONS,
    REGISTRATIONS,
    RETRY_LANES,
    ROUTING_DEAD_LETTER,
    UPDATES,
    WEBHOOKS_DEAD_LETTER,
    Topic,
)

_INDEX_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of process.

    Attributes:
        module: what `python -m` starts.
        group: its consumer group, or None when it reads without one.
        dead_letter: where it puts records that it gives up, or None when it consumes none.
    """

    name: str
    module: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    doc: str
    group: str | None = None
    dead_letter: Topic | None = None


GATEWAY = Stage(
    name="gateway",
    module="gateway",
    reads=(UPDATES, REGISTRATIONS, PUBLICATIONS),
    writes=(PUBLICATIONS, REGISTRATIONS),
    doc="People and agents enter: publishes, registers, queries, streams feeds.",
)

ROUTING = Stage(
    name="routing",
    module="workers.routing",
    reads=(PUBLICATIONS, REGISTRATIONS),
    writes=(UPDATES,),
    doc="Matches every value against every need and tells the agents.",
    group="contex.routing",
    dead_letter=ROUTING_DEAD_LETTER,
)

WEBHOOKS = Stage(
    name="webhooks",
    module="workers.webhooks",
    reads=(UPDATES, REGISTRATIONS, *RETRY_LANES),
    writes=(*RETRY_LANES, ATTEMPTS),
    doc="Delivers updates to the agents' endpoints, and tries again on a schedule.",
    group="contex.webhooks",
    dead_letter=WEBHOOKS_DEAD_LETTER,
)

STAGES = (GATEWAY, ROUTING, WEBHOOKS)


def routing_group(index_id: str) -> str:
    """Return the routing group that belongs to one index.

    Its offsets say what that very index holds: a new index begins a new group, which replays the
    log from its start.
    """
    if not _INDEX_ID.fullmatch(index_id):
        raise ValueError(f"no index id: {index_id!r}")
    return f"{ROUTING.group}.{index_id}"
