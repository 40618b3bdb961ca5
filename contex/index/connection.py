"""The connection to the engine: one gRPC channel, a deadline on every call, one kind of failure.

Decides when the engine counts as away. A request that the engine calls wrong is a bug of ours and
is raised as it is.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc
from qdrant_client import AsyncQdrantClient
from qdrant_client import grpc as wire
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from contex.errors import DependencyAway
from contex.telemetry import metrics
from contex.telemetry.line import INDEX, timed

Request = TypeVar("Request")
Response = TypeVar("Response")

CALL_TIMEOUT_S = 10.0
SCHEMA_TIMEOUT_S = 60.0
"""Creating a collection on a busy cluster takes its time."""
CHANNELS = 1
_CHANNEL_OPTIONS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 5_000,
}
_OUR_BUGS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)


class Connection:
    """Calls the engine. Reconnects by itself; a call while it is away fails at once."""

    def __init__(
        self,
        url: str,
        grpc_port: int,
        *,
        api_key: str | None = None,
        call_timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        self._call_timeout_s = call_timeout_s
        self._name = f"the index at {urlsplit(url).hostname}:{grpc_port}"
        self._client = AsyncQdrantClient(
            url=url,
            grpc_port=grpc_port,
            prefer_grpc=True,
            check_compatibility=False,
            headers={} if api_key is None else {"api-key": api_key},
            grpc_options=dict(_CHANNEL_OPTIONS),
            pool_size=CHANNELS,
            timeout=ceil(call_timeout_s),
        )

    @property
    def points(self) -> Any:  # noqa: ANN401 - generated gRPC stubs have no types
        """The methods on points."""
        return self._client.grpc_points

    @property
    def collections(self) -> Any:  # noqa: ANN401 - generated gRPC stubs have no types
        """The methods on collections."""
        return self._client.grpc_collections

    async def ping(self) -> None:
        """Return if the engine answers.

        Raises:
            DependencyAway: if it does not.
        """
        with self._failures():
            await self._client.info()

    async def version(self) -> str:
        """Return the engine's version.

        Raises:
            DependencyAway: if it does not answer.
        """
        with self._failures():
            return str((await self._client.info()).version)

    async def call(
        self,
        method: Callable[..., Awaitable[Response]],
        request: Request,
        *,
        timeout_s: float | None = None,
    ) -> Response:
        """Call a method.

        Raises:
            DependencyAway: when the engine does not answer, or answers that it cannot.
        """
        operation = type(request).__name__
        with self._failures(), metrics.INDEX_CALL_SECONDS.labels(operation).time(), timed(INDEX):
            return await method(request, timeout=timeout_s or self._call_timeout_s)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except ResourceExhaustedResponse as error:
            raise DependencyAway(f"{self._name} is overloaded: {error}") from error
        except grpc.aio.AioRpcError as error:
            if error.code() in _OUR_BUGS:
                raise
            raise DependencyAway(
                f"{self._name} is away: {error.code().name}: {error.details()}"
            ) from error

    async def write(self, method: Callable[..., Awaitable[Any]], request: Request) -> None:
        """Call a method that writes, and see that the write was carried out.

        Raises:
            DependencyAway: also when the engine took the write but did not finish it in time.
        """
        response = await self.call(method, request)
        results = response.result
        for result in results if isinstance(response, wire.UpdateBatchResponse) else [results]:
            if result.status != wire.UpdateStatus.Completed:
                status = wire.UpdateStatus.Name(result.status)
                raise DependencyAway(f"{self._name} did not finish a write: {status}")

    async def close(self) -> None:
        """Close the channel."""
        await self._client.close()
