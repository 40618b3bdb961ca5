"""What is written as a point is read back as it was."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import grpc as wire

from contex.index import points
from contex.index.types import AgentHead, AgentNeeds, ValueChunks, ValueHead
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need

KEY = ValueKey(Scope("acme", "prod"), "notes/ключ")
AGENT = AgentKey(Scope("acme", "prod"), "writer")
VECTORS = np.eye(3, dtype=np.float32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

values = st.builds(
    Value, st.binary(max_size=200), st.none() | TEXT, st.dictionaries(TEXT, TEXT, max_size=3)
)
heads = st.builds(
    ValueHead, st.integers(0, 2**53), TEXT, st.booleans(), st.booleans(), st.integers(0, 10**6)
)


def sent(point: wire.PointStruct) -> wire.PointStruct:
    """Take a point over the wire."""
    received: wire.PointStruct = wire.PointStruct.FromString(point.SerializeToString())
    return received


@given(values)
def test_a_value_beside_the_first_chunk(value: Value) -> None:
    first, *others = points.chunk_points(ValueChunks(KEY, 5, VECTORS, value))
    assert points.read_value(sent(first).payload) == value
    assert all(points.read_value(other.payload) is None for other in others)


def test_a_value_too_large_to_be_kept() -> None:
    first, *_ = points.chunk_points(ValueChunks(KEY, 5, VECTORS, None))
    assert points.read_value(first.payload) is None


def test_a_chunk_names_its_value() -> None:
    written = points.chunk_points(ValueChunks(KEY, 2**40, VECTORS, None))
    assert [points.read_chunk_key(point.payload) for point in written] == [KEY] * 3
    assert [point.payload["revision"].integer_value for point in written] == [2**40] * 3
    assert [point.payload["ordinal"].integer_value for point in written] == [0, 1, 2]


@given(heads)
def test_a_value_head(head: ValueHead) -> None:
    assert points.read_value_head(sent(points.value_head_point(KEY, head)).payload) == head


def test_a_point_without_vectors_says_so() -> None:
    head = points.value_head_point(KEY, ValueHead(1, "hash"))
    assert head.HasField("vectors"), "expected an empty set of vectors: Qdrant refuses none at all"
    assert not head.vectors.vectors.vectors


@given(st.builds(AgentHead, st.integers(0, 2**53), st.booleans()))
def test_an_agent_head(head: AgentHead) -> None:
    assert points.read_agent_head(sent(points.agent_head_point(AGENT, head)).payload) == head


@given(TEXT, st.floats(-1, 1))
def test_a_need(text: str, threshold: float) -> None:
    need = Need(text, threshold)
    (point,) = points.need_points(AgentNeeds(AGENT, 1, (need,), VECTORS[:1]))
    assert points.read_need(sent(point).payload) == need


@given(st.floats(-1, 1))
def test_the_product_of_a_chunk_and_a_need_is_the_margin(threshold: float) -> None:
    need = np.array([[0.6, 0.8, 0.0]], dtype=np.float32)
    wide_need = points.widened_needs(need, (Need("x", threshold),))
    margins = points.widened_chunks(VECTORS) @ wide_need[0]
    np.testing.assert_allclose(margins, need[0] - threshold, atol=1e-6)


def test_the_dimension_more_is_taken_off_again() -> None:
    retrieved = [
        wire.RetrievedPoint(
            vectors=wire.VectorsOutput(vector=wire.VectorOutput(dense=wire.DenseVector(data=row)))
        )
        for row in points.widened_chunks(VECTORS).tolist()
    ]
    np.testing.assert_array_equal(points.read_vectors(retrieved), VECTORS)


def test_vectors_of_servers_that_fill_the_older_field() -> None:
    old = wire.RetrievedPoint(
        vectors=wire.VectorsOutput(vector=wire.VectorOutput(data=[0.5, 0.25, 1.0]))
    )
    np.testing.assert_array_equal(points.read_vectors([old]), [[0.5, 0.25]])


def test_searches_never_fetch_the_content() -> None:
    assert "content" not in points.CHUNK_FIELDS
    for fields in (points.VERSION_FIELDS, points.NEED_FIELDS, points.EXCLUSION_FIELDS):
        assert not set(points.VALUE_FIELDS) & set(fields)
