"""The queries and lists of the index in Qdrant's engine.

Decides which requests they make. Words are counted per scope by filters, never by the engine's own
statistics, which are those of all tenants together.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from qdrant_client import grpc as wire

from contex.index import filters, ids, points
from contex.index.batches import by_count
from contex.index.connection import Connection
from contex.index.matching import MARGIN_TOLERANCE
from contex.index.queries import Nearest, Ranking, TermCounts, ValuePage, Wordiest
from contex.index.ranking import Passage, ranked
from contex.index.schema import Schema
from contex.index.search import all_hits, page
from contex.index.types import ValueInfo
from contex.records.names import Scope, ValueKey

INFOS_PER_CALL_MAX = 500
KEYS_PER_QUERY_MAX = 500
COUNTS_IN_FLIGHT_MAX = 8
HEADS_PER_PAGE = 1_000
HEADS_SCANNED_MAX = 20_000
"""Heads that one page looks through for live ones with its prefix."""
_EXACT = wire.SearchParams(exact=True)
_VERSION = wire.WithPayloadSelector(
    include=wire.PayloadIncludeSelector(fields=points.VERSION_FIELDS)
)
_INFO = wire.WithPayloadSelector(include=wire.PayloadIncludeSelector(fields=points.INFO_FIELDS))
_ALL = wire.WithPayloadSelector(enable=True)


class QdrantQueries:
    """The part of `QdrantIndex` that answers queries and lists."""

    _connection: Connection
    _schema: Schema

    async def nearest_values(self, asked: Nearest) -> Ranking:
        """Return the values whose best passages are nearest."""
        dense = wire.DenseVector(data=[*asked.vector.tolist(), 0.0])
        query = wire.QueryPoints(
            collection_name=self._schema.values.name,
            query=wire.Query(nearest=wire.VectorInput(dense=dense)),
            params=_EXACT,
            score_threshold=asked.threshold - MARGIN_TOLERANCE,
            with_payload=_VERSION,
        )
        return await self._ranked(asked, query, asked.terms)

    async def wordiest_values(self, asked: Wordiest) -> Ranking:
        """Return the values whose best passages have most of the words; others are left out."""
        if not asked.weights:
            return Ranking()
        sparse = wire.SparseVector(indices=asked.weights.keys(), values=asked.weights.values())
        query = wire.QueryPoints(
            collection_name=self._schema.values.name,
            query=wire.Query(nearest=wire.VectorInput(sparse=sparse)),
            using=points.WORDS,
            with_payload=_VERSION,
        )
        return await self._ranked(asked, query)

    async def count_terms(self, scope: Scope, terms: Sequence[int]) -> TermCounts:
        """Count the passages of a scope and of nobody else."""
        slots = asyncio.Semaphore(COUNTS_IN_FLIGHT_MAX)

        async def count(having: tuple[int, ...]) -> int:
            request = wire.CountPoints(
                collection_name=self._schema.values.name,
                filter=filters.passages(scope, terms=having),
                exact=True,
            )
            async with slots:
                answer = await self._connection.call(self._connection.points.Count, request)
            return int(answer.result.count)

        passages, *counted = await asyncio.gather(count(()), *(count((one,)) for one in terms))
        return TermCounts(passages, dict(zip(terms, counted, strict=True)))

    async def value_infos(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, ValueInfo]:
        """Return what is known of exactly these revisions."""
        named = {ids.chunk_id(key, revision, 0): key for key, revision in revisions.items()}
        infos: dict[ValueKey, ValueInfo] = {}
        for some in by_count(list(named), INFOS_PER_CALL_MAX):
            request = wire.GetPoints(
                collection_name=self._schema.values.name,
                ids=[wire.PointId(uuid=one) for one in some],
                with_payload=_INFO,
            )
            answer = await self._connection.call(self._connection.points.Get, request)
            infos |= {named[one.id.uuid]: points.read_info(one.payload) for one in answer.result}
        return infos

    async def value_page(
        self, scope: Scope, *, limit: int, after: str | None = None, prefix: str = ""
    ) -> ValuePage:
        """Return at most `limit` live values whose keys begin with `prefix`."""
        found: list[wire.RetrievedPoint] = []
        request = wire.ScrollPoints(
            collection_name=self._schema.heads.name,
            filter=filters.value_heads(scope),
            with_payload=_ALL,
        )
        if after is not None:
            request.offset.uuid = str(UUID(after))
        for _ in range(HEADS_SCANNED_MAX // HEADS_PER_PAGE):
            request.limit = HEADS_PER_PAGE if prefix else limit - len(found)
            answer = await self._connection.call(self._connection.points.Scroll, request)
            for point in answer.result:
                if _is_live(point, prefix):
                    if len(found) == limit:
                        return _page(found, point.id.uuid)
                    found.append(point)
            if not answer.HasField("next_page_offset"):
                return _page(found, None)
            request.offset.CopyFrom(answer.next_page_offset)
            if len(found) == limit:
                break
        return _page(found, request.offset.uuid)

    async def _ranked(
        self, asked: Nearest | Wordiest, query: wire.QueryPoints, terms: tuple[int, ...] = ()
    ) -> Ranking:
        """Ask for a page of the best passages, or for all of them, key by key in bounded parts."""
        if asked.keys is None:
            query.filter.CopyFrom(filters.passages(asked.scope, terms=terms))
            return ranked(await self._passages(asked.scope, query, asked.limit), asked.limit)
        passages: list[Passage] = []
        for some in by_count(asked.keys, KEYS_PER_QUERY_MAX):
            query.filter.CopyFrom(filters.passages(asked.scope, terms=terms, keys=some))
            passages += await self._passages(asked.scope, query, asked.limit)
        return ranked(passages, asked.limit)

    async def _passages(
        self, scope: Scope, query: wire.QueryPoints, limit: int | None
    ) -> list[Passage]:
        if limit is None:
            (hits,) = await all_hits(self._connection, [query])
        else:
            (hits,) = await page(self._connection, [query], limit)
        return [
            (ValueKey(scope, hit.payload["data_key"].string_value), points.revision(hit), hit.score)
            for hit in hits
        ]


def _is_live(head: wire.RetrievedPoint, prefix: str) -> bool:
    if head.payload["deleted"].bool_value:
        return False
    return bool(head.payload["data_key"].string_value.startswith(prefix))


def _page(found: Sequence[wire.RetrievedPoint], after: str | None) -> ValuePage:
    heads = {
        points.read_chunk_key(one.payload): points.read_value_head(one.payload) for one in found
    }
    return ValuePage(heads, after)
