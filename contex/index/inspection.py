"""What an index server holds of Contex, for whoever looks after it. Changes nothing.

Decides which collections belong together. An embedder needs not be loaded for it: the collections'
names carry its fingerprint.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from qdrant_client import grpc as wire

from contex.index import schema
from contex.index.connection import Connection
from contex.index.ids import collection_name

CALL_TIMEOUT_S: Final = 3.0
_KINDS: Final = ("heads", "needs", "exclusions", "values")


@dataclass(frozen=True, slots=True)
class IndexState:
    """One index on the server.

    Attributes:
        fingerprint: of the embedder that it was made with.
        index_id: its own id, which names its consumer group; None while it is being made.
        missing: the kinds of its collections that are not there.
    """

    fingerprint: str
    index_id: str | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerState:
    """What answers, and what it holds."""

    version: str
    indexes: tuple[IndexState, ...]


async def look(url: str, grpc_port: int, api_key: str | None = None) -> ServerState:
    """Ask the server for its version and its indexes.

    Raises:
        DependencyAway: it does not answer.
    """
    connection = Connection(url, grpc_port, api_key=api_key, call_timeout_s=CALL_TIMEOUT_S)
    try:
        version = await connection.version()
        listed = await connection.call(connection.collections.List, wire.ListCollectionsRequest())
        kinds = by_fingerprint([one.name for one in listed.collections])
        indexes = [
            IndexState(
                fingerprint,
                await _index_id(connection, fingerprint) if "heads" in found else None,
                tuple(kind for kind in _KINDS if kind not in found),
            )
            for fingerprint, found in sorted(kinds.items())
        ]
        return ServerState(version, tuple(indexes))
    finally:
        await connection.close()


def by_fingerprint(names: list[str]) -> dict[str, set[str]]:
    """Return the kinds of collections that there are of each fingerprint; others are left out."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        for kind in _KINDS:
            prefix = collection_name(kind, "")
            if name.startswith(prefix):
                kinds[name.removeprefix(prefix)].add(kind)
    return dict(kinds)


async def _index_id(connection: Connection, fingerprint: str) -> str | None:
    heads = schema.Collection(collection_name("heads", fingerprint))
    return await schema.read_index_id(connection, heads)
