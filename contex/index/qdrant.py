"""The index in Qdrant's engine, over gRPC: a server, or the embedded one.

Decides which requests each method of the port makes: one round trip wherever the answer of one
does not decide the next. Knows no routing rule.
"""

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from qdrant_client import grpc as wire

from contex.errors import DependencyAway
from contex.index import filters, ids, points, schema
from contex.index.batches import by_count, by_size
from contex.index.connection import CALL_TIMEOUT_S, Connection
from contex.index.port import Told
from contex.index.qdrant_queries import QdrantQueries
from contex.index.schema import STRONG, Collection, Schema
from contex.index.search import (
    Hits,
    Search,
    best_exclusion_hits,
    best_need_hits,
    best_value_hits,
    search_all,
)
from contex.index.types import (
    AgentHead,
    AgentNeeds,
    ExclusionHit,
    NeedHit,
    NeedSearch,
    OlderChunks,
    ValueChunks,
    ValueHead,
    ValueHit,
    ValueSearch,
)
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Value

REQUEST_BYTES_MAX = 4 * 1024 * 1024
HEADS_PER_CALL_MAX = 1_000
KEYS_PER_FILTER_MAX = 64
VALUES_PER_CALL_MAX = 100
CHUNKS_PER_PAGE = 500
PAGES_MAX = 10_000
_ALL = wire.WithPayloadSelector(enable=True)


class QdrantIndex(QdrantQueries):
    """An `Index` in four collections of an engine.

    Args:
        url: of the engine; the port in it is not used.
        grpc_port: where it speaks gRPC.
        fingerprint: of the embedder; part of the collections' names.
        dimensions: of the embedder's vectors.
        api_key: sent with every call, if given.
        call_timeout_s: the deadline of every call.
        new_id: makes an id for an index that is created.
    """

    def __init__(
        self,
        url: str,
        grpc_port: int,
        *,
        fingerprint: str,
        dimensions: int,
        api_key: str | None = None,
        call_timeout_s: float = CALL_TIMEOUT_S,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._connection = Connection(
            url, grpc_port, api_key=api_key, call_timeout_s=call_timeout_s
        )
        self._schema = Schema(fingerprint, dimensions)
        self._new_id = new_id

    async def prepare(self) -> str:
        """Create what is missing and return the id of this very index."""
        return await schema.prepare(self._connection, self._schema, self._new_id)

    async def ping(self) -> None:
        """Return if the engine answers."""
        await self._connection.ping()

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        """Return the heads that exist."""
        named = {ids.value_head_id(key): key for key in keys}
        found = await self._get(self._schema.heads, list(named), _ALL, HEADS_PER_CALL_MAX)
        return {named[one.id.uuid]: points.read_value_head(one.payload) for one in found}

    async def switch_value_heads(self, heads: Mapping[ValueKey, ValueHead]) -> None:
        """Write each head if none exists or the one that does has an older revision."""
        operations = [
            wire.PointsUpdateOperation(
                upsert=wire.PointsUpdateOperation.PointStructList(
                    points=[points.value_head_point(key, head)],
                    update_filter=filters.if_older("revision", head.revision),
                )
            )
            for key, head in heads.items()
        ]
        await self._update(self._schema.heads, operations)

    async def complete_value_heads(
        self, revisions: Mapping[ValueKey, int], told: Told | None = None
    ) -> None:
        """Mark each head complete if it still has this revision, and note who was told."""
        operations = [
            _set_in_head(
                filters.head_at(ids.value_head_id(key), revision),
                complete=points.truth(value=True),
                told=points.counts((told or {}).get(key, {})),
            )
            for key, revision in revisions.items()
        ]
        await self._update(self._schema.heads, operations)

    async def note_stored(self, stored: Mapping[ValueKey, tuple[int, int]]) -> None:
        """Note where the log holds the content of each head that has the revision."""
        operations = [
            _set_in_head(
                filters.head_stored_below(ids.value_head_id(key), revision, offset),
                stored=points.number(offset),
            )
            for key, (revision, offset) in stored.items()
        ]
        await self._update(self._schema.heads, operations)

    async def put_chunks(self, chunks: Sequence[ValueChunks]) -> None:
        """Write the chunks; their ids contain the revision, so a repeat overwrites itself."""
        await self._upsert(
            self._schema.values, [point for one in chunks for point in points.chunk_points(one)]
        )

    async def older_chunks(
        self, revisions: Mapping[ValueKey, int]
    ) -> dict[ValueKey, tuple[OlderChunks, ...]]:
        """Return every chunk still present with a revision below the given one, by revision."""
        found: dict[ValueKey, list[wire.RetrievedPoint]] = {}
        for some in by_count(list(revisions.items()), KEYS_PER_FILTER_MAX):
            for point in await self._scroll_chunks(filters.older_chunks(some)):
                found.setdefault(points.read_chunk_key(point.payload), []).append(point)
        return {key: points.read_older_chunks(several) for key, several in found.items()}

    async def delete_older_chunks(self, revisions: Mapping[ValueKey, int]) -> None:
        """Delete the chunks with a revision below the given one."""
        for some in by_count(list(revisions.items()), KEYS_PER_FILTER_MAX):
            await self._delete(self._schema.values, filters.older_chunks(some))

    async def values(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, Value]:
        """Return the values kept beside the first chunk of exactly these revisions."""
        named = {ids.chunk_id(key, revision, 0): key for key, revision in revisions.items()}
        fields = wire.WithPayloadSelector(
            include=wire.PayloadIncludeSelector(fields=points.VALUE_FIELDS)
        )
        found = await self._get(self._schema.values, list(named), fields, VALUES_PER_CALL_MAX)
        values = {named[one.id.uuid]: points.read_value(one.payload) for one in found}
        return {key: value for key, value in values.items() if value is not None}

    async def agent_heads(self, keys: Sequence[AgentKey]) -> dict[AgentKey, AgentHead]:
        """Return the heads that exist."""
        named = {ids.agent_head_id(key): key for key in keys}
        found = await self._get(self._schema.heads, list(named), _ALL, HEADS_PER_CALL_MAX)
        return {named[one.id.uuid]: points.read_agent_head(one.payload) for one in found}

    async def switch_agent_head(self, key: AgentKey, head: AgentHead) -> None:
        """Write the head if none exists or the one that does has an older epoch."""
        request = wire.UpsertPoints(
            collection_name=self._schema.heads.name,
            wait=True,
            ordering=STRONG,
            points=[points.agent_head_point(key, head)],
            update_filter=filters.if_older("epoch", head.epoch),
        )
        await self._connection.write(self._connection.points.Upsert, request)

    async def put_needs(self, needs: AgentNeeds) -> None:
        """Write the needs of an epoch, their exclusions first: no need is ever there without."""
        await self._upsert(self._schema.exclusions, points.exclusion_points(needs))
        await self._upsert(self._schema.needs, points.need_points(needs))

    async def delete_older_needs(self, key: AgentKey, epoch: int) -> None:
        """Delete the agent's needs and exclusions of every epoch below the given one."""
        await self._delete(self._schema.needs, filters.older_needs(key, epoch))
        await self._delete(self._schema.exclusions, filters.older_needs(key, epoch))

    async def matching_needs(self, searches: Sequence[NeedSearch]) -> list[list[NeedHit]]:
        """Return per search every need of its scope reached by any of its vectors."""
        found = await self._among(self._schema.needs, points.NEED_FIELDS, searches)
        return [best_need_hits(one.scope, hits) for one, hits in zip(searches, found, strict=True)]

    async def matching_exclusions(self, searches: Sequence[NeedSearch]) -> list[list[ExclusionHit]]:
        """Return per search every exclusion of its scope reached by any of its vectors."""
        found = await self._among(self._schema.exclusions, points.EXCLUSION_FIELDS, searches)
        return [
            best_exclusion_hits(one.scope, hits) for one, hits in zip(searches, found, strict=True)
        ]

    async def matching_values(self, search: ValueSearch) -> list[ValueHit]:
        """Return every (value, revision) of the scope of which a chunk reaches any of the needs."""
        rows = points.widened_needs(search.vectors, search.needs)
        one = Search(self._schema.values.name, search.scope, rows, points.VERSION_FIELDS)
        (hits,) = await search_all(self._connection, [one])
        return best_value_hits(search.scope, search.needs, hits)

    async def close(self) -> None:
        """Release connections."""
        await self._connection.close()

    async def _among(
        self, collection: Collection, fields: tuple[str, ...], searches: Sequence[NeedSearch]
    ) -> list[list[Hits]]:
        return await search_all(
            self._connection,
            [
                Search(collection.name, one.scope, points.widened_chunks(one.vectors), fields)
                for one in searches
            ],
        )

    async def _get(
        self,
        collection: Collection,
        wanted: Sequence[str],
        fields: wire.WithPayloadSelector,
        count_max: int,
    ) -> list[wire.RetrievedPoint]:
        found: list[wire.RetrievedPoint] = []
        for some in by_count(wanted, count_max):
            request = wire.GetPoints(
                collection_name=collection.name,
                ids=[wire.PointId(uuid=one) for one in some],
                with_payload=fields,
            )
            found += (await self._connection.call(self._connection.points.Get, request)).result
        return found

    async def _scroll_chunks(self, condition: wire.Filter) -> list[wire.RetrievedPoint]:
        found: list[wire.RetrievedPoint] = []
        request = wire.ScrollPoints(
            collection_name=self._schema.values.name,
            filter=condition,
            limit=CHUNKS_PER_PAGE,
            with_payload=wire.WithPayloadSelector(
                include=wire.PayloadIncludeSelector(fields=points.CHUNK_FIELDS)
            ),
            with_vectors=wire.WithVectorsSelector(
                include=wire.VectorsSelector(names=[points.MEANING])
            ),
        )
        for _ in range(PAGES_MAX):
            page = await self._connection.call(self._connection.points.Scroll, request)
            found += page.result
            if not page.HasField("next_page_offset"):
                return found
            request.offset.CopyFrom(page.next_page_offset)
        raise DependencyAway(f"the index holds over {PAGES_MAX * CHUNKS_PER_PAGE} older chunks")

    async def _upsert(self, collection: Collection, written: Sequence[wire.PointStruct]) -> None:
        for some in by_size(written, wire.PointStruct.ByteSize, REQUEST_BYTES_MAX):
            request = wire.UpsertPoints(
                collection_name=collection.name, wait=True, ordering=STRONG, points=some
            )
            await self._connection.write(self._connection.points.Upsert, request)

    async def _update(
        self, collection: Collection, operations: Sequence[wire.PointsUpdateOperation]
    ) -> None:
        for some in by_count(operations, HEADS_PER_CALL_MAX):
            request = wire.UpdateBatchPoints(
                collection_name=collection.name, wait=True, ordering=STRONG, operations=some
            )
            await self._connection.write(self._connection.points.UpdateBatch, request)

    async def _delete(self, collection: Collection, condition: wire.Filter) -> None:
        request = wire.DeletePoints(
            collection_name=collection.name,
            wait=True,
            ordering=STRONG,
            points=wire.PointsSelector(filter=condition),
        )
        await self._connection.write(self._connection.points.Delete, request)


def _set_in_head(condition: wire.Filter, **payload: wire.Value) -> wire.PointsUpdateOperation:
    return wire.PointsUpdateOperation(
        set_payload=wire.PointsUpdateOperation.SetPayload(
            payload=payload, points_selector=wire.PointsSelector(filter=condition)
        )
    )
