"""Payloads survive the way through the engine's messages, and failures keep their meaning."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.local.engine.errors import engine_failure
from contex.local.engine.messages import Json, payload_message, plain_payload

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_a_payload_is_read_as_it_was_written(payload: dict[str, Json]) -> None:
    assert plain_payload(payload_message(payload)) == payload


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Vector dimension error: expected dim: 4, got 2", grpc.StatusCode.INVALID_ARGUMENT),
        ("No space left on device (os error 28)", grpc.StatusCode.RESOURCE_EXHAUSTED),
        ("something else", grpc.StatusCode.INTERNAL),
    ],
)
def test_what_the_engine_raises_is_never_a_success(text: str, status: grpc.StatusCode) -> None:
    refusal = engine_failure(Exception(f"Service runtime error: {text}"))
    assert refusal.status == status
    assert text in str(refusal)
