"""Qdrant's Points service over the engine: one plain function per method.

Decides how each request is put to the engine and its answer written. Never awaits: the engine
holds the interpreter, so each call has its whole effect before the next one starts.
"""

from collections.abc import Sequence

import qdrant_edge as edge

from contex.local.engine.errors import invalid, unsupported
from contex.local.engine.filters import engine_filter
from contex.local.engine.messages import (
    EngineId,
    EngineVector,
    dense,
    id_message,
    one_vector,
    only,
    payload_message,
    plain_payload,
    point_id,
    vectors_message,
)
from contex.local.engine.store import Store
from contex.local.engine.wire import wire

_COMMON = frozenset({"collection_name", "wait", "ordering", "read_consistency", "timeout"})
_UPSERT = _COMMON | {"points", "update_filter"}
_GET = _COMMON | {"ids", "with_payload", "with_vectors"}
_SCROLL = _COMMON | {"filter", "offset", "limit", "with_payload", "with_vectors"}
_QUERY = _SCROLL | {"query", "using", "score_threshold", "params"}
_COUNT = _COMMON | {"filter", "exact"}
_PARAMS = frozenset({"exact"})
_SCROLL_LIMIT_DEFAULT = 10
_QUERY_LIMIT_DEFAULT = 10


def upsert(store: Store, request: wire.UpsertPoints) -> wire.PointsOperationResponse:
    """Write points, those that exist only where the update filter meets them."""
    only(request, _UPSERT)
    store.writing(request.collection_name).update(_upserting(request))
    return _completed()


def delete(store: Store, request: wire.DeletePoints) -> wire.PointsOperationResponse:
    """Delete points by id or by filter."""
    only(request, _COMMON | {"points"})
    store.writing(request.collection_name).update(_deleting(request.points))
    return _completed()


def set_payload(store: Store, request: wire.SetPayloadPoints) -> wire.PointsOperationResponse:
    """Merge fields into the payload of points, by id or by filter."""
    only(request, _COMMON | {"payload", "points_selector"})
    store.writing(request.collection_name).update(_setting(request))
    return _completed()


def update_batch(store: Store, request: wire.UpdateBatchPoints) -> wire.UpdateBatchResponse:
    """Apply operations in order; the first that fails fails the call."""
    only(request, _COMMON | {"operations"})
    operations = [_operation(one) for one in request.operations]
    shard = store.writing(request.collection_name)
    for operation in operations:
        shard.update(operation)
    return wire.UpdateBatchResponse(result=[_completed().result for _ in operations])


def get(store: Store, request: wire.GetPoints) -> wire.GetResponse:
    """Return the points of these ids that exist."""
    only(request, _GET)
    records = store.reading(request.collection_name).retrieve(
        [point_id(one) for one in request.ids],
        _payload_selector(request.with_payload),
        _with_vector(request.with_vectors),
    )
    return wire.GetResponse(result=_retrieved(records))


def scroll(store: Store, request: wire.ScrollPoints) -> wire.ScrollResponse:
    """Return a page of points in the order of their ids."""
    only(request, _SCROLL)
    records, following = store.reading(request.collection_name).scroll(
        edge.ScrollRequest(
            offset=point_id(request.offset) if request.HasField("offset") else None,
            limit=request.limit if request.HasField("limit") else _SCROLL_LIMIT_DEFAULT,
            filter=engine_filter(request.filter),
            with_payload=_payload_selector(request.with_payload),
            with_vector=_with_vector(request.with_vectors),
        )
    )
    return wire.ScrollResponse(
        result=_retrieved(records),
        next_page_offset=None if following is None else id_message(following),
    )


def count(store: Store, request: wire.CountPoints) -> wire.CountResponse:
    """Count the points that a filter selects."""
    only(request, _COUNT)
    counted = store.reading(request.collection_name).count(
        edge.CountRequest(exact=request.exact, filter=engine_filter(request.filter))
    )
    return wire.CountResponse(result=wire.CountResult(count=counted))


def query_batch(store: Store, request: wire.QueryBatchPoints) -> wire.QueryBatchResponse:
    """Answer nearest-vector queries in one pass."""
    only(request, _COMMON | {"query_points"})
    queries = [_query(one) for one in request.query_points]
    shard = store.reading(request.collection_name)
    answers = shard.query_batch(edge.QueryBatchRequest(queries)) if queries else []
    return wire.QueryBatchResponse(
        result=[wire.BatchResult(result=[_scored(hit) for hit in hits]) for hits in answers]
    )


def _operation(message: wire.PointsUpdateOperation) -> edge.UpdateOperation:
    kind = message.WhichOneof("operation")
    if kind == "upsert":
        only(message.upsert, _UPSERT)
        return _upserting(message.upsert)
    if kind == "set_payload":
        only(message.set_payload, frozenset({"payload", "points_selector"}))
        return _setting(message.set_payload)
    if kind == "delete_points":
        only(message.delete_points, frozenset({"points"}))
        return _deleting(message.delete_points.points)
    raise unsupported(f"the operation {kind}")


def _upserting(
    message: wire.UpsertPoints | wire.PointsUpdateOperation.PointStructList,
) -> edge.UpdateOperation:
    condition = engine_filter(message.update_filter) if message.HasField("update_filter") else None
    return edge.UpdateOperation.upsert_points([_point(one) for one in message.points], condition)


def _setting(
    message: wire.SetPayloadPoints | wire.PointsUpdateOperation.SetPayload,
) -> edge.UpdateOperation:
    payload = plain_payload(message.payload)
    ids, condition = _selected(message.points_selector)
    if condition is not None:
        return edge.UpdateOperation.set_payload_by_filter(condition, payload)
    return edge.UpdateOperation.set_payload(ids, payload)


def _deleting(message: wire.PointsSelector) -> edge.UpdateOperation:
    ids, condition = _selected(message)
    if condition is not None:
        return edge.UpdateOperation.delete_points_by_filter(condition)
    return edge.UpdateOperation.delete_points(ids)


def _selected(message: wire.PointsSelector) -> tuple[list[EngineId], edge.Filter | None]:
    kind = message.WhichOneof("points_selector_one_of")
    if kind == "filter":
        return [], engine_filter(message.filter)
    if kind == "points":
        return [point_id(one) for one in message.points.ids], None
    raise unsupported("a selector without ids or filter")


def _point(message: wire.PointStruct) -> edge.Point:
    return edge.Point(
        id=point_id(message.id),
        vector=_vector(message),
        payload=plain_payload(message.payload),
    )


def _vector(message: wire.PointStruct) -> EngineVector:
    if not message.HasField("vectors"):
        raise invalid("Expected some vectors")
    if message.vectors.HasField("vector"):
        return dense(message.vectors.vector)
    return {name: one_vector(one) for name, one in message.vectors.vectors.vectors.items()}


def _query(message: wire.QueryPoints) -> edge.QueryRequest:
    only(message, _QUERY)
    only(message.params, _PARAMS)
    if message.query.WhichOneof("variant") != "nearest":
        raise unsupported("a query that is not nearest")
    return edge.QueryRequest(
        limit=message.limit if message.HasField("limit") else _QUERY_LIMIT_DEFAULT,
        query=edge.Query.Nearest(
            one_vector(message.query.nearest),
            using=message.using if message.HasField("using") else None,
        ),
        filter=engine_filter(message.filter),
        score_threshold=message.score_threshold if message.HasField("score_threshold") else None,
        params=edge.SearchParams(exact=message.params.exact),
        with_payload=_payload_selector(message.with_payload),
        with_vector=_with_vector(message.with_vectors),
    )


def _payload_selector(message: wire.WithPayloadSelector) -> bool | edge.PayloadSelector:
    kind = message.WhichOneof("selector_options")
    if kind == "include":
        return edge.PayloadSelector.Include(list(message.include.fields))
    if kind == "exclude":
        return edge.PayloadSelector.Exclude(list(message.exclude.fields))
    return message.enable


def _with_vector(message: wire.WithVectorsSelector) -> bool | list[str]:
    if message.HasField("include"):
        return list(message.include.names)
    return message.enable


def _retrieved(records: Sequence[edge.Record]) -> list[wire.RetrievedPoint]:
    return [
        wire.RetrievedPoint(
            id=id_message(record.id),
            payload=payload_message(record.payload),
            vectors=vectors_message(record.vector),
        )
        for record in records
    ]


def _scored(hit: edge.ScoredPoint) -> wire.ScoredPoint:
    return wire.ScoredPoint(
        id=id_message(hit.id),
        payload=payload_message(hit.payload),
        score=hit.score,
        vectors=vectors_message(hit.vector),
    )


def _completed() -> wire.PointsOperationResponse:
    return wire.PointsOperationResponse(
        result=wire.UpdateResult(status=wire.UpdateStatus.Completed)
    )
