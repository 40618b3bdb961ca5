"""Each condition selects the points that Qdrant's language says, and an unknown one is refused."""

from collections.abc import Iterator
from uuid import UUID

import grpc
import pytest
import qdrant_edge as edge
from qdrant_client import grpc as wire

from contex.local.engine.errors import Refusal
from contex.local.engine.filters import engine_filter

UUIDS = [UUID(int=number) for number in range(6)]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[edge.EdgeShard]:
    """Six points: numbers 0 to 5, even or odd."""
    path = tmp_path_factory.mktemp("shard")
    vectors = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)
    opened = edge.EdgeShard.create(str(path), edge.EdgeConfig(vectors=vectors))
    payloads = [{"number": n, "kind": "odd" if n % 2 else "even"} for n in range(6)]
    opened.update(
        edge.UpdateOperation.upsert_points(
            [
                edge.Point(id=uuid, vector=[1.0], payload=payload)
                for uuid, payload in zip(UUIDS, payloads, strict=True)
            ]
        )
    )
    yield opened
    opened.close()


def field(key: str, **condition: object) -> wire.Condition:
    return wire.Condition(field=wire.FieldCondition(key=key, **condition))  # type: ignore[arg-type]


def ids(*numbers: int) -> wire.Condition:
    wanted = [wire.PointId(uuid=str(UUIDS[number])) for number in numbers]
    return wire.Condition(has_id=wire.HasIdCondition(has_id=wanted))


EVEN = field("kind", match=wire.Match(keyword="even"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (wire.Filter(), {0, 1, 2, 3, 4, 5}),
        (wire.Filter(must=[EVEN]), {0, 2, 4}),
        (wire.Filter(must_not=[EVEN]), {1, 3, 5}),
        (wire.Filter(should=[EVEN, ids(5)]), {0, 2, 4, 5}),
        (wire.Filter(must=[EVEN], must_not=[ids(0, 1)]), {2, 4}),
        (wire.Filter(must=[field("number", match=wire.Match(integer=3))]), {3}),
        (
            wire.Filter(
                must=[
                    field(
                        "number",
                        match=wire.Match(integers=wire.RepeatedIntegers(integers=[1, 4, 9])),
                    )
                ]
            ),
            {1, 4},
        ),
        (
            wire.Filter(
                must=[
                    field("kind", match=wire.Match(keywords=wire.RepeatedStrings(strings=["odd"])))
                ]
            ),
            {1, 3, 5},
        ),
        (wire.Filter(must=[field("number", range=wire.Range(lt=2))]), {0, 1}),
        (wire.Filter(must=[field("number", range=wire.Range(lte=2))]), {0, 1, 2}),
        (wire.Filter(must=[field("number", range=wire.Range(gt=0, lt=2))]), {1}),
        (wire.Filter(must=[field("number", range=wire.Range(gte=4))]), {4, 5}),
        (wire.Filter(must=[field("number", range=wire.Range(lt=0))]), set()),
        (
            wire.Filter(
                should=[
                    wire.Condition(filter=wire.Filter(must=[EVEN, ids(2, 3)])),
                    wire.Condition(filter=wire.Filter(must_not=[EVEN, ids(1, 3)])),
                ]
            ),
            {2, 5},
        ),
    ],
)
def test_a_filter_selects(
    shard: edge.EdgeShard, condition: wire.Filter, expected: set[int]
) -> None:
    records, _ = shard.scroll(edge.ScrollRequest(filter=engine_filter(condition), limit=10))
    assert {UUIDS.index(UUID(str(record.id))) for record in records} == expected


@pytest.mark.parametrize(
    "condition",
    [
        wire.Filter(min_should=wire.MinShould(conditions=[EVEN], min_count=1)),
        wire.Filter(must=[wire.Condition(is_null=wire.IsNullCondition(key="kind"))]),
        wire.Filter(must=[field("kind", match=wire.Match(text="even"))]),
        wire.Filter(must=[field("kind", match=wire.Match(boolean=True))]),
        wire.Filter(must=[field("kind", values_count=wire.ValuesCount(gt=1))]),
        wire.Filter(must=[wire.Condition()]),
    ],
)
def test_what_is_not_understood_is_refused_and_never_ignored(condition: wire.Filter) -> None:
    with pytest.raises(Refusal, match="does not support") as refusal:
        engine_filter(condition)
    assert refusal.value.status == grpc.StatusCode.UNIMPLEMENTED


def test_an_id_that_is_none() -> None:
    wrong = wire.Condition(has_id=wire.HasIdCondition(has_id=[wire.PointId(uuid="x")]))
    with pytest.raises(Refusal, match="Unable to parse UUID") as refusal:
        engine_filter(wire.Filter(must=[wrong]))
    assert refusal.value.status == grpc.StatusCode.INVALID_ARGUMENT
