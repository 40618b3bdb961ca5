"""The collections of the index: created once, by whoever comes first, and never changed.

Decides their names, vectors and payload indexes, and the id of this very index. An index of which
a part was lost is refused: its heads would claim work whose results are gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import grpc
from qdrant_client import grpc as wire

from contex.errors import DependencyAway
from contex.index import filters, ids, points
from contex.index.connection import SCHEMA_TIMEOUT_S, Connection

STRONG = wire.WriteOrdering(type=wire.WriteOrderingType.Strong)
"""All writes go through one leader, in one order."""
_NO_GRAPH = wire.HnswConfigDiff(m=0)
"""Searches are exact: a graph would be built for nothing."""
_TENANT = wire.PayloadIndexParams(keyword_index_params=wire.KeywordIndexParams(is_tenant=True))


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: its name, its dimensions (None: payloads alone) and its indexed fields.

    Attributes:
        sparse: the name of its points' sparse vector, if they have one.
    """

    name: str
    dimensions: int | None = None
    keywords: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    sparse: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The collections of one embedder."""

    fingerprint: str
    dimensions: int
    values: Collection = field(init=False)
    needs: Collection = field(init=False)
    exclusions: Collection = field(init=False)
    heads: Collection = field(init=False)

    def __post_init__(self) -> None:
        widened = self.dimensions + 1
        name = self._name
        fields = (("scope", "data_key"), ("revision", "terms"))
        values = Collection(name("values"), widened, *fields, sparse=points.WORDS)
        needs = Collection(name("needs"), widened, ("scope", "agent_id"), ("epoch",))
        exclusions = replace(needs, name=name("exclusions"))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "exclusions", exclusions)
        object.__setattr__(self, "heads", Collection(name("heads"), keywords=("scope",)))

    def _name(self, kind: str) -> str:
        return ids.collection_name(kind, self.fingerprint)

    @property
    def collections(self) -> tuple[Collection, ...]:
        """All of them; the heads last, because they hold the index's id."""
        return (self.values, self.needs, self.exclusions, self.heads)


async def prepare(connection: Connection, schema: Schema, new_id: Callable[[], str]) -> str:
    """Create what is missing and return the index's id."""
    found = {one.name: await _indexed_fields(connection, one) for one in schema.collections}
    missing = [name for name, fields in found.items() if fields is None]
    if missing and found[schema.heads.name] is not None:
        known = await read_index_id(connection, schema.heads)
        if known is not None:
            raise DependencyAway(
                f"the index {known} has lost {', '.join(missing)}: delete its other collections "
                f"({', '.join(sorted(set(found) - set(missing)))}) to build it again from the log"
            )
    for one in schema.collections:
        await _complete(connection, one, found[one.name])
    return await _write_index_id(connection, schema.heads, new_id())


async def _complete(
    connection: Connection, collection: Collection, indexed: frozenset[str] | None
) -> None:
    if indexed is None:
        await _create(connection, collection)
        indexed = frozenset()
    for name in (*collection.keywords, *collection.integers):
        if name not in indexed:
            await _index(connection, collection, name)


async def _create(connection: Connection, collection: Collection) -> None:
    request = wire.CreateCollection(collection_name=collection.name)
    if collection.dimensions is not None:
        request.hnsw_config.CopyFrom(_NO_GRAPH)
        request.vectors_config.params.size = collection.dimensions
        request.vectors_config.params.distance = wire.Distance.Dot
    if collection.sparse is not None:
        request.sparse_vectors_config.map[collection.sparse].SetInParent()
    try:
        await connection.call(connection.collections.Create, request, timeout_s=SCHEMA_TIMEOUT_S)
    except (DependencyAway, grpc.aio.AioRpcError):
        # Somebody else may have been quicker; what counts is that the collection is there.
        if await _indexed_fields(connection, collection) is None:
            raise


async def _index(connection: Connection, collection: Collection, name: str) -> None:
    request = wire.CreateFieldIndexCollection(
        collection_name=collection.name, wait=True, field_name=name, ordering=STRONG
    )
    if name in collection.integers:
        request.field_type = wire.FieldType.FieldTypeInteger
    else:
        request.field_type = wire.FieldType.FieldTypeKeyword
        if name == "scope":
            request.field_index_params.CopyFrom(_TENANT)
    await connection.call(connection.points.CreateFieldIndex, request, timeout_s=SCHEMA_TIMEOUT_S)


async def _indexed_fields(connection: Connection, collection: Collection) -> frozenset[str] | None:
    request = wire.GetCollectionInfoRequest(collection_name=collection.name)
    try:
        answer = await connection.call(connection.collections.Get, request)
    except DependencyAway as error:
        cause = error.__cause__
        if isinstance(cause, grpc.aio.AioRpcError) and cause.code() == grpc.StatusCode.NOT_FOUND:
            return None
        raise
    return frozenset(answer.result.payload_schema)


async def read_index_id(connection: Connection, heads: Collection) -> str | None:
    """Return the index's id, or None where none was written yet."""
    request = wire.GetPoints(
        collection_name=heads.name,
        ids=[wire.PointId(uuid=ids.index_point_id())],
        with_payload=wire.WithPayloadSelector(enable=True),
    )
    answer = await connection.call(connection.points.Get, request)
    return answer.result[0].payload["index_id"].string_value if answer.result else None


async def _write_index_id(connection: Connection, heads: Collection, proposed: str) -> str:
    request = wire.UpsertPoints(
        collection_name=heads.name,
        wait=True,
        ordering=STRONG,
        points=[points.index_point(proposed)],
        update_filter=filters.never(ids.index_point_id()),
    )
    await connection.write(connection.points.Upsert, request)
    settled = await read_index_id(connection, heads)
    if settled is None:
        raise DependencyAway(f"{heads.name} was deleted while it was prepared")
    return settled
