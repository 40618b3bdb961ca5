"""Qdrant's Collections service over the engine: create, describe, index, delete.

Decides how a collection's schema is put to the engine. Never changes one that exists.
"""

import qdrant_edge as edge

from contex.local.engine.errors import unsupported
from contex.local.engine.messages import only
from contex.local.engine.store import Store
from contex.local.engine.wire import wire

_CREATE = frozenset(
    {"collection_name", "vectors_config", "sparse_vectors_config", "hnsw_config", "timeout"}
)
_INDEX = frozenset(
    {"collection_name", "wait", "field_name", "field_type", "field_index_params", "ordering"}
) | {"timeout"}
_UNUSED_VECTOR = "unused"
"""The engine wants at least one kind of vector; no point of a payload-only collection has it."""
_NO_GRAPH = wire.HnswConfigDiff(m=0)
_DISTANCES = {
    wire.Distance.Dot: edge.Distance.Dot,
    wire.Distance.Cosine: edge.Distance.Cosine,
}
_FIELD_TYPES = {
    wire.FieldType.FieldTypeKeyword: edge.PayloadSchemaType.Keyword,
    wire.FieldType.FieldTypeInteger: edge.PayloadSchemaType.Integer,
}


def create(store: Store, request: wire.CreateCollection) -> wire.CollectionOperationResponse:
    """Create a collection of dense vectors, with sparse ones or not, or of payloads alone."""
    only(request, _CREATE)
    store.create(request.collection_name, _config(request))
    return wire.CollectionOperationResponse(result=True)


def delete(store: Store, request: wire.DeleteCollection) -> wire.CollectionOperationResponse:
    """Delete a collection; false if there was none."""
    return wire.CollectionOperationResponse(result=store.drop(request.collection_name))


def list_all(store: Store, _: wire.ListCollectionsRequest) -> wire.ListCollectionsResponse:
    """List the collections."""
    return wire.ListCollectionsResponse(
        collections=[wire.CollectionDescription(name=name) for name in store.names()]
    )


def describe(
    store: Store, request: wire.GetCollectionInfoRequest
) -> wire.GetCollectionInfoResponse:
    """Describe a collection: its size and its payload indexes."""
    info = store.reading(request.collection_name).info()
    types = {
        edge.PayloadSchemaType.Keyword: wire.PayloadSchemaType.Keyword,
        edge.PayloadSchemaType.Integer: wire.PayloadSchemaType.Integer,
    }
    return wire.GetCollectionInfoResponse(
        result=wire.CollectionInfo(
            status=wire.CollectionStatus.Green,
            segments_count=info.segments_count,
            points_count=info.points_count,
            payload_schema={
                name: wire.PayloadSchemaInfo(data_type=types[field.data_type], points=field.points)
                for name, field in info.payload_schema.items()
            },
        )
    )


def index_field(
    store: Store, request: wire.CreateFieldIndexCollection
) -> wire.PointsOperationResponse:
    """Index a payload field by keyword or integer."""
    only(request, _INDEX)
    shard = store.writing(request.collection_name)
    shard.update(edge.UpdateOperation.create_field_index(request.field_name, _schema(request)))
    return wire.PointsOperationResponse(
        result=wire.UpdateResult(status=wire.UpdateStatus.Completed)
    )


def _config(request: wire.CreateCollection) -> edge.EdgeConfig:
    if not request.HasField("vectors_config"):
        unused = {_UNUSED_VECTOR: edge.EdgeSparseVectorParams()}
        return edge.EdgeConfig(sparse_vectors=unused, wal_enabled=True)
    if request.hnsw_config != _NO_GRAPH:
        raise unsupported("a graph: every search is exact, ask for hnsw_config.m = 0")
    if not request.vectors_config.HasField("params"):
        raise unsupported("named vectors")
    params = request.vectors_config.params
    only(params, frozenset({"size", "distance"}))
    if params.distance not in _DISTANCES:
        raise unsupported(f"the distance {wire.Distance.Name(params.distance)}")
    vectors = edge.EdgeVectorParams(size=params.size, distance=_DISTANCES[params.distance])
    return edge.EdgeConfig(vectors=vectors, sparse_vectors=_sparse(request), wal_enabled=True)


def _sparse(request: wire.CreateCollection) -> dict[str, edge.EdgeSparseVectorParams] | None:
    named = request.sparse_vectors_config.map
    for params in named.values():
        only(params, frozenset())
    return {name: edge.EdgeSparseVectorParams() for name in named} or None


def _schema(
    request: wire.CreateFieldIndexCollection,
) -> edge.PayloadSchemaType | edge.KeywordIndexParams:
    if request.field_type not in _FIELD_TYPES:
        raise unsupported(f"the field type {wire.FieldType.Name(request.field_type)}")
    if request.HasField("field_index_params"):
        only(request.field_index_params, frozenset({"keyword_index_params"}))
        params = request.field_index_params.keyword_index_params
        only(params, frozenset({"is_tenant"}))
        return edge.KeywordIndexParams(is_tenant=params.is_tenant)
    return _FIELD_TYPES[request.field_type]
