"""Which gRPC methods the engine server answers, and how a failure is answered.

Decides the table of methods. A failure is always a status, never a success; after a panic of the
engine its memory is in doubt, so the process ends and recovers from its write-ahead log.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from contex.local.engine import collections, points
from contex.local.engine.errors import Refusal, engine_failure, unsupported
from contex.local.engine.messages import Message
from contex.local.engine.store import Store
from contex.local.engine.wire import wire

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]

EXIT_PANIC = 70
VERSION = "1.18.0"
"""The version of Qdrant's interface that is spoken."""


@dataclass(frozen=True, slots=True)
class Method:
    """One gRPC method: what it does, reads and writes."""

    act: Callable[[Store, Any], Message]
    request: type[Any]
    response: type[Any]


def health(_: Store, request: wire.HealthCheckRequest) -> wire.HealthCheckReply:
    """Say that the server answers."""
    del request
    return wire.HealthCheckReply(title="contex embedded index engine", version=VERSION)


_DONE = wire.PointsOperationResponse
METHODS = {
    "/qdrant.Qdrant/HealthCheck": Method(health, wire.HealthCheckRequest, wire.HealthCheckReply),
    "/qdrant.Collections/Create": Method(
        collections.create, wire.CreateCollection, wire.CollectionOperationResponse
    ),
    "/qdrant.Collections/Delete": Method(
        collections.delete, wire.DeleteCollection, wire.CollectionOperationResponse
    ),
    "/qdrant.Collections/List": Method(
        collections.list_all, wire.ListCollectionsRequest, wire.ListCollectionsResponse
    ),
    "/qdrant.Collections/Get": Method(
        collections.describe, wire.GetCollectionInfoRequest, wire.GetCollectionInfoResponse
    ),
    "/qdrant.Points/CreateFieldIndex": Method(
        collections.index_field, wire.CreateFieldIndexCollection, _DONE
    ),
    "/qdrant.Points/Upsert": Method(points.upsert, wire.UpsertPoints, _DONE),
    "/qdrant.Points/Delete": Method(points.delete, wire.DeletePoints, _DONE),
    "/qdrant.Points/SetPayload": Method(points.set_payload, wire.SetPayloadPoints, _DONE),
    "/qdrant.Points/UpdateBatch": Method(
        points.update_batch, wire.UpdateBatchPoints, wire.UpdateBatchResponse
    ),
    "/qdrant.Points/Get": Method(points.get, wire.GetPoints, wire.GetResponse),
    "/qdrant.Points/Count": Method(points.count, wire.CountPoints, wire.CountResponse),
    "/qdrant.Points/Scroll": Method(points.scroll, wire.ScrollPoints, wire.ScrollResponse),
    "/qdrant.Points/QueryBatch": Method(
        points.query_batch, wire.QueryBatchPoints, wire.QueryBatchResponse
    ),
}


class Service(grpc.GenericRpcHandler):  # type: ignore[type-arg] # generic in its stubs alone
    """Answers the methods of the table, and every other one with UNIMPLEMENTED."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler of a method."""
        name = handler_call_details.method
        method = METHODS.get(name)
        if method is None:
            return grpc.unary_unary_rpc_method_handler(_refusing(name))
        return grpc.unary_unary_rpc_method_handler(
            self._answering(method),
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )

    def _answering(self, method: Method) -> Callable[[Message, "Context"], Awaitable[Message]]:
        async def answer(request: Message, context: "Context") -> Message:
            try:
                return attempt(method, self._store, request)
            except Refusal as refusal:
                await context.abort(refusal.status, str(refusal))

        return answer


def attempt(method: Method, store: Store, request: Message) -> Message:
    """Run a method; whatever the engine raises becomes a refusal.

    Raises:
        Refusal: with the status to answer.
    """
    try:
        return method.act(store, request)
    except Refusal:
        raise
    except Exception as error:  # the root of a request; the engine raises bare Exception
        raise engine_failure(error) from error
    except BaseException as panic:  # noqa: BLE001 - a panic of the engine is no Exception
        sys.stderr.write(f"the index engine panicked: {panic}\n")
        os._exit(EXIT_PANIC)


def _refusing(
    name: str,
) -> Callable[[bytes, "Context"], Awaitable[bytes]]:
    async def refuse(request: bytes, context: "Context") -> bytes:
        del request
        refusal = unsupported(name)
        await context.abort(refusal.status, str(refusal))

    return refuse
