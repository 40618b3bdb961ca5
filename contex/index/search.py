"""Finds every point with a margin that meets, however many there are.

Decides how a search is cut into queries and pages, and what its hits mean. The engine applies its
score threshold after its limit, so a page that comes back full is asked again larger: asking from
where it ended would miss what moves between two pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from qdrant_client import grpc as wire

from contex.errors import DependencyAway
from contex.index import filters
from contex.index.batches import by_count
from contex.index.connection import Connection
from contex.index.matching import (
    MARGIN_TOLERANCE,
    ordered_exclusions,
    ordered_needs,
    ordered_values,
    score_of,
)
from contex.index.points import Widened, read_need, read_place
from contex.index.types import ExclusionHit, NeedHit, ValueHit
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.registration import Need

PAGE_HITS = 200
PAGE_GROWTH = 4
GROWTHS_MAX = 8
QUERIES_PER_CALL_MAX = 128
HITS_PER_CALL_MAX = PAGE_HITS * QUERIES_PER_CALL_MAX
_EXACT = wire.SearchParams(exact=True)

Hits = Sequence[wire.ScoredPoint]


@dataclass(frozen=True, slots=True)
class Search:
    """Every point of `scope` that meets one of the vectors, with these payload fields."""

    collection: str
    scope: Scope
    vectors: Widened
    fields: tuple[str, ...]


async def search_all(connection: Connection, searches: Sequence[Search]) -> list[list[Hits]]:
    """Return per search and vector all hits; all searches are of one collection."""
    queries = [query for search in searches for query in _queries(search)]
    answers = iter(await all_hits(connection, queries))
    return [[next(answers) for _ in search.vectors] for search in searches]


def _queries(search: Search) -> list[wire.QueryPoints]:
    condition = filters.in_scope(search.scope)
    fields = wire.WithPayloadSelector(include=wire.PayloadIncludeSelector(fields=search.fields))
    return [
        wire.QueryPoints(
            collection_name=search.collection,
            query=wire.Query(nearest=wire.VectorInput(dense=wire.DenseVector(data=vector))),
            filter=condition,
            params=_EXACT,
            score_threshold=-MARGIN_TOLERANCE,
            with_payload=fields,
        )
        for vector in search.vectors.tolist()
    ]


async def all_hits(connection: Connection, queries: Sequence[wire.QueryPoints]) -> list[Hits]:
    """Return per query everything that meets it.

    Raises:
        DependencyAway: there is more than any search should find.
    """
    answers: list[Hits] = [()] * len(queries)
    waiting = list(range(len(queries)))
    limit = PAGE_HITS
    for _ in range(GROWTHS_MAX + 1):
        for some in by_count(waiting, max(1, HITS_PER_CALL_MAX // limit)):
            found = await page(connection, [queries[number] for number in some], limit)
            for number, hits in zip(some, found, strict=True):
                answers[number] = hits
        waiting = [number for number in waiting if len(answers[number]) >= limit]
        if not waiting:
            return answers
        limit *= PAGE_GROWTH
    raise DependencyAway(f"a search of the index has more than {limit // PAGE_GROWTH} hits")


async def page(
    connection: Connection, queries: Sequence[wire.QueryPoints], limit: int
) -> list[Hits]:
    """Return per query the best hits, at most `limit`, in one call."""
    for query in queries:
        query.limit = limit
    request = wire.QueryBatchPoints(
        collection_name=queries[0].collection_name, query_points=queries
    )
    answer = await connection.call(connection.points.QueryBatch, request)
    return [batch.result for batch in answer.result]


def best_need_hits(scope: Scope, answers: Sequence[Hits]) -> list[NeedHit]:
    """Return each need once, with its best chunk's score."""
    return ordered_needs(_need_hit(scope, hit) for hit in _best(answers))


def best_exclusion_hits(scope: Scope, answers: Sequence[Hits]) -> list[ExclusionHit]:
    """Return each reading of an exclusion once, with its best chunk's score."""
    return ordered_exclusions(
        ExclusionHit(
            agent=AgentKey(scope, hit.payload["agent_id"].string_value),
            epoch=hit.payload["epoch"].integer_value,
            place=read_place(hit.payload),
            score=score_of(hit.score, hit.payload["threshold"].double_value),
        )
        for hit in _best(answers)
    )


def _best(answers: Sequence[Hits]) -> list[wire.ScoredPoint]:
    best: dict[str, wire.ScoredPoint] = {}
    for hit in chain.from_iterable(answers):
        held = best.get(hit.id.uuid)
        if held is None or hit.score > held.score:
            best[hit.id.uuid] = hit
    return list(best.values())


def _need_hit(scope: Scope, hit: wire.ScoredPoint) -> NeedHit:
    need = read_need(hit.payload)
    return NeedHit(
        agent=AgentKey(scope, hit.payload["agent_id"].string_value),
        epoch=hit.payload["epoch"].integer_value,
        ordinal=hit.payload["ordinal"].integer_value,
        need=need,
        score=score_of(hit.score, need.threshold),
    )


def best_value_hits(scope: Scope, needs: Sequence[Need], answers: Sequence[Hits]) -> list[ValueHit]:
    """Return each (value, revision) once, with its best chunk's score per need."""
    scores: dict[tuple[str, int], dict[int, float]] = {}
    for ordinal, (need, hits) in enumerate(zip(needs, answers, strict=True)):
        for hit in hits:
            payload = hit.payload
            version = (payload["data_key"].string_value, payload["revision"].integer_value)
            score = score_of(hit.score, need.threshold)
            held = scores.setdefault(version, {})
            held[ordinal] = max(score, held.get(ordinal, score))
    return ordered_values(
        ValueHit(ValueKey(scope, data_key), revision, found)
        for (data_key, revision), found in scores.items()
    )
