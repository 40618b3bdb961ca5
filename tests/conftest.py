"""Fixtures shared by all suites. What is expensive is started once per session, on first use."""

from collections.abc import Iterator

import pytest

from contex.local.kafka import Broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real Kafka broker of this session alone, on a free port."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def bootstrap(broker: Broker) -> str:
    """Address of the session's broker. Topics are shared: give yours names of their own."""
    return broker.bootstrap
