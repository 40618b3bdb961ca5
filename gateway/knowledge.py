"""The index and the embedder of a gateway, opened after it is ready.

Decides when they are opened, and how long a query waits for them. Whoever publishes never does.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from contex.embedding.batcher import Batcher
from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.errors import ContexError, DependencyAway
from contex.index.port import Index
from contex.index.types import ValueHead
from contex.query.ports import QueryPorts
from contex.records.names import ValueKey
from contex.settings import Settings
from contex.telemetry.logs import get_logger
from gateway import limits

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    index: Index
    batcher: Batcher


class Knowledge:
    """What queries are answered from. `start` returns at once; the first callers wait."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening: asyncio.Task[_Opened] | None = None

    def start(self) -> None:
        """Begin to open it."""
        self._opening = asyncio.create_task(self._open(), name="open index and embedder")

    async def ports(self) -> QueryPorts:
        """Return what queries need, once it is there.

        Raises:
            DependencyAway: it is not there in time.
        """
        opened = await self._opened()
        return QueryPorts(opened.index, opened.batcher)

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        """Return the heads that exist.

        Raises:
            DependencyAway: the index does not answer, or is not there in time.
        """
        return await (await self._opened()).index.value_heads(keys)

    async def stop(self) -> None:
        """Close what is open."""
        if self._opening is None:
            return
        self._opening.cancel()
        with suppress(asyncio.CancelledError):
            opened = await self._opening
            await opened.batcher.close()
            await opened.index.close()

    async def _opened(self) -> _Opened:
        if self._opening is None:
            raise DependencyAway("the index is not open")
        try:
            async with asyncio.timeout(limits.KNOWLEDGE_WAIT_TIMEOUT_S):
                return await asyncio.shield(self._opening)
        except TimeoutError as error:
            raise DependencyAway("the embedder is not loaded yet") from error

    async def _open(self) -> _Opened:
        """Load the embedder; while it cannot be, say why, and try again: it may be installed."""
        while True:
            try:
                embedder = await asyncio.to_thread(_load, self._settings)
                opened = _Opened(_index(self._settings, embedder), Batcher(embedder))
            except ContexError as error:
                _log.warning("gateway.no_embedder", error=str(error))
            except Exception:  # noqa: BLE001 - the root of this task: who publishes is served on
                _log.exception("gateway.no_embedder")
            else:
                _log.info("gateway.embedder_loaded", fingerprint=embedder.fingerprint)
                return opened
            await asyncio.sleep(limits.KNOWLEDGE_RETRY_INTERVAL_S)


def _load(settings: Settings) -> Embedder:
    import contex.index.qdrant  # noqa: F401, PLC0415 - two seconds, which nobody has to wait for

    return open_embedder(settings)


def _index(settings: Settings, embedder: Embedder) -> Index:
    from contex.index.qdrant import QdrantIndex  # noqa: PLC0415 - imported by `_load`

    key = settings.qdrant_api_key
    return QdrantIndex(
        settings.qdrant_url,
        settings.qdrant_grpc_port,
        fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        api_key=None if key is None else key.get_secret_value(),
    )
