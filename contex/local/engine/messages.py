"""Reads Qdrant's messages generically: ids, payloads, vectors, and what is not supported.

Decides how a protobuf value is written as a plain one and back. Never drops a field silently.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast
from uuid import UUID

from qdrant_edge import SparseVector

from contex.local.engine.errors import invalid, unsupported
from contex.local.engine.wire import wire

EngineId = int | UUID | str
EngineVector = (
    list[float] | list[list[float]] | dict[str, list[float] | SparseVector | list[list[float]]]
)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_SCALARS = {
    bool: "bool_value",
    int: "integer_value",
    float: "double_value",
    str: "string_value",
    type(None): "null_value",
}


class Descriptor(Protocol):
    """Names a message type or one of its fields."""

    @property
    def name(self) -> str:
        """The name in the interface's definition."""


class Message(Protocol):
    """What is used of every protobuf message."""

    @property
    def DESCRIPTOR(self) -> Descriptor:  # noqa: N802 - protobuf's name
        """The message's type."""

    def ListFields(self) -> Sequence[tuple[Descriptor, object]]:  # noqa: N802 - protobuf's name
        """Return the fields that are set."""


def only(message: Message, supported: frozenset[str]) -> None:
    """Refuse a message that sets a field outside `supported`."""
    for field, _ in message.ListFields():
        if field.name not in supported:
            raise unsupported(f"{message.DESCRIPTOR.name}.{field.name}")


def point_id(message: wire.PointId) -> EngineId:
    """Return the id as the engine takes it."""
    if message.HasField("num"):
        return message.num
    try:
        return UUID(message.uuid)
    except ValueError as error:
        raise invalid(f"Unable to parse UUID: {message.uuid!r}") from error


def id_message(point: EngineId) -> wire.PointId:
    """Write an id."""
    return wire.PointId(num=point) if isinstance(point, int) else wire.PointId(uuid=str(point))


def plain(value: wire.Value) -> Json:
    """Return a payload value as plain Python."""
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return plain_payload(value.struct_value.fields)
    if kind == "list_value":
        return [plain(one) for one in value.list_value.values]
    scalar: bool | int | float | str = getattr(value, kind)
    return scalar


def plain_payload(payload: Mapping[str, wire.Value]) -> dict[str, Json]:
    """Return a payload as plain Python."""
    return {name: plain(value) for name, value in payload.items()}


def value_message(value: Json) -> wire.Value:
    """Write a payload value."""
    if isinstance(value, dict):
        return wire.Value(struct_value=wire.Struct(fields=payload_message(value)))
    if isinstance(value, list):
        return wire.Value(list_value=wire.ListValue(values=map(value_message, value)))
    message = wire.Value()
    setattr(message, _SCALARS[type(value)], wire.NULL_VALUE if value is None else value)
    return message


def payload_message(payload: Mapping[str, Json] | None) -> dict[str, wire.Value]:
    """Write a payload."""
    return {name: value_message(value) for name, value in (payload or {}).items()}


def dense(vector: wire.Vector | wire.VectorInput) -> list[float]:
    """Return a dense vector; a point's only one is of no other kind."""
    if vector.HasField("dense"):
        return list(vector.dense.data)
    raise unsupported(f"a {vector.DESCRIPTOR.name} that is not dense")


def one_vector(vector: wire.Vector | wire.VectorInput) -> list[float] | SparseVector:
    """Return a vector that has a name, dense or sparse."""
    if vector.HasField("sparse"):
        return SparseVector(list(vector.sparse.indices), list(vector.sparse.values))
    return dense(vector)


def vectors_message(vector: EngineVector | None) -> wire.VectorsOutput | None:
    """Write the vectors of a point, None for a point without."""
    if isinstance(vector, dict):
        named = {name: _output(one) for name, one in vector.items()}
        return wire.VectorsOutput(vectors=wire.NamedVectorsOutput(vectors=named))
    if not isinstance(vector, list):
        return None
    return wire.VectorsOutput(vector=_output(cast("list[float]", vector)))


def _output(vector: list[float] | SparseVector | list[list[float]]) -> wire.VectorOutput:
    if isinstance(vector, SparseVector):
        sparse = wire.SparseVector(indices=vector.indices, values=vector.values)
        return wire.VectorOutput(sparse=sparse)
    return wire.VectorOutput(dense=wire.DenseVector(data=cast("list[float]", vector)))
