"""The index: whether it answers, in which version, and whether it is whole.

Decides what counts as whole. Creates nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from contex.errors import DependencyAway
from contex.log.reach import knock
from contex.settings.reading import without_password
from topology.doctor.findings import Finding, fail, ok, warn
from topology.doctor.kafka import Facts
from topology.doctor.surroundings import Surroundings

if TYPE_CHECKING:
    from contex.index.inspection import IndexState

SUBJECT = "index"
VERSION_MIN = (1, 18)
_ID_CHARACTERS = 8
_NOT_QDRANT = (
    "Failed parsing HTTP/2",
    "http1.x",
    "Socket closed",
    "reset by peer",
    "UNIMPLEMENTED",
)
"""What gRPC says of a port at which something else listens, in four lines of its own words."""


def look_at_index(where: Surroundings, facts: Facts) -> Sequence[Finding]:
    """Check the server and every index on it."""
    url = str(where.value("QDRANT_URL"))
    port = int(where.value("QDRANT_GRPC_PORT"))
    obstacle = knock(urlsplit(url).hostname or "", port)
    if obstacle is not None:
        step = "Start it (`contex dev` starts all), or set QDRANT_URL and QDRANT_GRPC_PORT."
        return [fail(SUBJECT, f"{without_password(url)}, gRPC port {port}: {obstacle.value}", step)]
    # Half a second of libraries that nobody needs to hear that nothing listens there.
    from contex.index.inspection import look  # noqa: PLC0415 - see above

    place = f"{without_password(url)}, gRPC port {port}"
    try:
        state = asyncio.run(look(url, port, where.value("QDRANT_API_KEY")))
    except DependencyAway as error:
        if not any(mark in str(error) for mark in _NOT_QDRANT):
            raise
        step = "Set QDRANT_GRPC_PORT: 6334 where nothing else was chosen (6333 is its REST API)."
        text = f"{place}: something answers, but it is not Qdrant's gRPC interface"
        return [fail(SUBJECT, text, step)]
    found = [_version(place, state.version)]
    facts.index_ids = [one.index_id for one in state.indexes if one.index_id]
    return [*found, *(_whole(one) for one in state.indexes)]


def _version(place: str, version: str) -> Finding:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        return warn(SUBJECT, f"{place}: version {version}", f"Contex needs {wanted} or newer.")
    return ok(SUBJECT, f"{place} answers, version {version}")


def _whole(index: "IndexState") -> Finding:
    if index.missing:
        return fail(
            SUBJECT,
            f"{index.fingerprint} has lost its {', '.join(index.missing)}",
            "Delete its other collections: it is built again from the log (docs/operating.md).",
        )
    if index.index_id is None:
        return warn(SUBJECT, f"{index.fingerprint} has no id yet", "It is being made: look again.")
    return ok(SUBJECT, f"{index.fingerprint} is whole, id {index.index_id[:_ID_CHARACTERS]}")
