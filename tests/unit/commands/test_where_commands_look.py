"""Where commands look that read the log, and with which status they end when it is not there."""

import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.errors import DependencyAway, InvalidRecord
from contex.log.failures import LogMisuse
from contex.log.reach import Obstacle, Reached, Unreached
from topology.commands import where

Answer = Reached | Unreached


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], Answer]:
    answers: dict[tuple[str, int], Answer] = {}
    monkeypatch.setattr(where, "reach", lambda host, port: answers[host, port])
    return answers


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The data folder of a stack that runs: this very process."""
    run = {
        "pid": os.getpid(),
        "gateway_url": "http://127.0.0.1:8123",
        "bootstrap": "127.0.0.1:9123",
        "index_port": 6123,
        "children": {},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "QDRANT_URL", "QDRANT_GRPC_PORT", "CONTEX_URL"):
        monkeypatch.delenv(name, raising=False)


async def answer() -> str:
    return "found"


def raising(error: Exception) -> Callable[[], Coroutine[None, None, str]]:
    async def work() -> str:
        raise error

    return work


def test_addresses_are_those_of_a_stack_that_runs(stack: Path) -> None:
    settings = where.settings_here(stack)
    assert settings.kafka_bootstrap_servers == "127.0.0.1:9123"
    assert (settings.qdrant_url, settings.qdrant_grpc_port) == ("http://127.0.0.1:6123", 6123)


def test_the_environment_wins_variable_by_variable(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    settings = where.settings_here(stack)
    assert settings.kafka_bootstrap_servers == "kafka:9092"
    assert settings.qdrant_grpc_port == 6123


def test_without_a_stack_they_are_the_settings(tmp_path: Path) -> None:
    settings = where.settings_here(tmp_path)
    assert settings.kafka_bootstrap_servers == "127.0.0.1:9092"


def test_wrong_settings_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_GRPC_PORT", "front door")
    with pytest.raises(Failed, match="QDRANT_GRPC_PORT") as refused:
        where.settings_here(tmp_path)
    assert refused.value.exit_code == Exit.USAGE
    assert "contex settings" in refused.value.step


def test_one_broker_of_several_is_enough(brokers: dict[tuple[str, int], Answer]) -> None:
    brokers |= {("a", 9092): Unreached(Obstacle.REFUSED), ("b", 9093): Reached(())}
    assert where.run(answer(), "a,b:9093") == "found"


@pytest.mark.filterwarnings("error")
def test_no_broker_at_all_is_told_at_once_with_status_5(
    brokers: dict[tuple[str, int], Answer],
) -> None:
    brokers |= {("a", 9092): Unreached(Obstacle.REFUSED), ("b", 9093): Unreached(Obstacle.CLOSED)}
    with pytest.raises(Failed) as refused:
        where.run(answer(), "a,b:9093")
    assert refused.value.exit_code == 5
    assert "a: nothing listens there; b:9093: it closes" in refused.value.message


@pytest.mark.parametrize(
    ("error", "status", "step"),
    [
        (DependencyAway("the registry is away"), 5, "contex doctor"),
        (LogMisuse("no such topic"), 5, "contex topics apply"),
        (InvalidRecord("a bad cursor"), 1, ""),
    ],
)
def test_what_goes_wrong_has_its_status_and_step(
    brokers: dict[tuple[str, int], Answer], error: Exception, status: int, step: str
) -> None:
    brokers["a", 9092] = Reached(())
    with pytest.raises(Failed) as refused:
        where.run(raising(error)(), "a")
    assert (refused.value.exit_code, refused.value.message) == (status, str(error))
    assert step in refused.value.step
    assert "Kafka" not in refused.value.step, "Kafka answered"


def test_a_bug_is_not_dressed_up(brokers: dict[tuple[str, int], Answer]) -> None:
    brokers["a", 9092] = Reached(())
    with pytest.raises(KeyError):
        where.run(raising(KeyError("oops"))(), "a")
