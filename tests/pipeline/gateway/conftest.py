"""Gateways on the session's broker."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from gateway_process import GatewayProcess, TopicReader, apply_topics

SECRET_KEY = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleTE="

StartGateway = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def topics(bootstrap: str) -> str:
    """Return the broker's address once the catalogue's topics exist."""
    apply_topics(bootstrap)
    return bootstrap


@pytest.fixture(scope="session")
def session_gateway(
    topics: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway that all tests share: they keep to projects of their own."""
    process = GatewayProcess(
        topics,
        tmp_path_factory.mktemp("gateway"),
        tenant="acme",
        settings={"CONTEX_SECRET_KEYS": SECRET_KEY},
    )
    process.start()
    yield process
    process.kill()


@pytest.fixture
def start_gateway(topics: str, tmp_path: Path) -> Iterator[StartGateway]:
    """Start gateways of the test's own; all are killed in the end."""
    started: list[GatewayProcess] = []

    def start(tenant: str, **settings: str) -> GatewayProcess:
        process = GatewayProcess(topics, tmp_path, tenant=tenant, settings=settings)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
async def http(session_gateway: GatewayProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the session's gateway."""
    async with aiohttp.ClientSession(session_gateway.url) as session:
        yield session


@pytest.fixture
def topic_reader(topics: str) -> Iterator[TopicReader]:
    reader = TopicReader(topics)
    yield reader
    reader.close()
