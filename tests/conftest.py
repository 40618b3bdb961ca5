"""Fixtures shared by all suites. What is expensive is started once per session, on first use."""

from collections.abc import Callable, Iterator

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


_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure that a test measured; all are printed at the end of the run."""
    figures = request.config.stash.setdefault(_FIGURES, [])
    return lambda text: figures.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures; they are reports, not assertions: the machine may be busy."""
    if figures := config.stash.get(_FIGURES, []):
        terminalreporter.section("figures of this run")
        for line in figures:
            terminalreporter.write_line(line)
