"""A page that comes back full is asked again larger, and only that one."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from qdrant_client import grpc as wire

from contex.errors import DependencyAway
from contex.index import search
from contex.index.search import PAGE_HITS, QUERIES_PER_CALL_MAX, Search, search_all
from contex.records.names import Scope

if TYPE_CHECKING:
    from contex.index.connection import Connection


class ScriptedEngine:
    """Stands for an engine in which each query, told by its vector, has a number of hits."""

    points = SimpleNamespace(QueryBatch="QueryBatch")

    def __init__(self) -> None:
        self.asked: list[list[tuple[int, int]]] = []

    async def call(self, method: str, request: wire.QueryBatchPoints) -> wire.QueryBatchResponse:
        assert method == "QueryBatch"
        wanted = [(int(one.query.nearest.dense.data[0]), one.limit) for one in request.query_points]
        self.asked.append(wanted)
        return wire.QueryBatchResponse(
            result=[
                wire.BatchResult(result=[wire.ScoredPoint()] * min(hits, limit))
                for hits, limit in wanted
            ]
        )


async def found(engine: ScriptedEngine, *searches: list[int]) -> list[list[int]]:
    answers = await search_all(
        cast("Connection", engine),
        [
            Search("values", Scope("acme", "prod"), np.array([[n] for n in hits]), ())
            for hits in searches
        ],
    )
    return [[len(hits) for hits in one] for one in answers]


async def test_one_round_trip_where_no_page_is_full() -> None:
    engine = ScriptedEngine()
    assert await found(engine, [0, 199], [7]) == [[0, 199], [7]]
    assert engine.asked == [[(0, 200), (199, 200), (7, 200)]]


async def test_only_full_pages_are_asked_again() -> None:
    engine = ScriptedEngine()
    assert await found(engine, [5, 200, 950], [199]) == [[5, 200, 950], [199]]
    assert engine.asked == [
        [(5, 200), (200, 200), (950, 200), (199, 200)],
        [(200, 800), (950, 800)],
        [(950, 3200)],
    ]


async def test_a_request_has_a_bounded_number_of_queries_and_hits() -> None:
    engine = ScriptedEngine()
    many = [1_000] * (QUERIES_PER_CALL_MAX + 5)
    assert await found(engine, many) == [many]
    asked = [(len(queries), queries[0][1]) for queries in engine.asked]
    assert asked[:2] == [(QUERIES_PER_CALL_MAX, PAGE_HITS), (5, PAGE_HITS)]
    assert all(count * limit <= search.HITS_PER_CALL_MAX for count, limit in asked)


async def test_a_search_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "GROWTHS_MAX", 1)
    with pytest.raises(DependencyAway, match="more than 800 hits"):
        await found(ScriptedEngine(), [10_000])


async def test_nothing_to_search() -> None:
    engine = ScriptedEngine()
    assert await found(engine) == []
    assert await found(engine, []) == [[]]
    assert engine.asked == []
