"""Fixtures shared by all suites. What is expensive is started once per session, on first use."""

import faulthandler
import signal
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

from contex.local.kafka import Broker

# A run that was started in the background ignores Ctrl-C, and so would every process it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A time for each example is no property of the code: on a busy machine any of them may take long.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Set the clock of `faulthandler_timeout` again: pytest stops it, for a debugger's sake.

    What a failed test leaves behind is what is most likely to hang.
    """
    if not node.config.option.usepdb:
        faulthandler.dump_traceback_later(
            float(node.config.getini("faulthandler_timeout")),
            file=node.config.stash[fault_handler_stderr_fd_key],
            exit=True,
        )


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


_FIGURE = "figure"


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure that a test measured; all are printed at the end of the run."""
    return lambda text: request.node.user_properties.append((_FIGURE, text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures; they are reports, not assertions: the machine may be busy."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, text in report.user_properties
        if name == _FIGURE
    ]
    if lines:
        terminalreporter.section("figures of this run")
        for line in lines:
            terminalreporter.write_line(line)
