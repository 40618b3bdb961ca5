"""Engines for the contract suites, started once on first use."""

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from index_engines import DIMENSIONS, EngineProcess, Opened

from contex.index.memory import MemoryIndex
from contex.index.qdrant import QdrantIndex
from contex.index.schema import Schema

ENGINES = ["memory", "embedded", *(["server"] if "QDRANT_URL" in os.environ else [])]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """The embedded engine server, on a free port and a folder of its own."""
    process = EngineProcess(tmp_path_factory.mktemp("index"))
    try:
        process.start()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def fingerprint() -> str:
    """Names collections that only this module uses, on a real server too."""
    return f"contract/{uuid4().hex}"


@pytest.fixture(params=ENGINES)
async def opened(request: pytest.FixtureRequest, fingerprint: str) -> AsyncIterator[Opened]:
    """A prepared index: the twin, the embedded engine, and a real server where there is one."""
    if request.param == "memory":
        twin = MemoryIndex()
        yield Opened(twin, lambda: twin)
        return
    url, port = "http://127.0.0.1", 0
    if request.param == "embedded":
        port = request.getfixturevalue("engine").port
    else:
        url = os.environ["QDRANT_URL"]
        port = int(os.environ.get("QDRANT_GRPC_PORT", "6334"))
    clients: list[QdrantIndex] = []

    def another() -> QdrantIndex:
        clients.append(QdrantIndex(url, port, fingerprint=fingerprint, dimensions=DIMENSIONS))
        return clients[-1]

    index = another()
    await index.prepare()
    yield Opened(index, another)
    for client in clients:
        await client.close()


@pytest.fixture(scope="module", autouse=True)
def _left_clean(fingerprint: str) -> Iterator[None]:
    yield
    if "QDRANT_URL" in os.environ:
        from qdrant_client import QdrantClient

        client = QdrantClient(url=os.environ["QDRANT_URL"], check_compatibility=False)
        for collection in Schema(fingerprint, DIMENSIONS).collections:
            client.delete_collection(collection.name)
        client.close()
