"""What each child of the stack is told."""

from pathlib import Path

from contex.local.children import Children, Ports, StackOptions, environment, worker_names
from contex.settings import Settings

PORTS = Ports(
    gateway=8000,
    kafka=9092,
    controller=9093,
    index=6334,
    health={"routing-1": 1, "routing-2": 2, "webhooks": 3},
)


def test_every_worker_has_a_name_of_its_own() -> None:
    options = StackOptions(Path("data"), routing_workers=2)
    assert worker_names(options) == ["routing-1", "routing-2", "webhooks"]


def test_children_are_told_where_everything_is(tmp_path: Path) -> None:
    options = StackOptions(tmp_path, routing_workers=2)
    children = Children(options, PORTS, "key", tmp_path / "logs")
    gateway = children.gateway()
    health = {
        worker.name: worker.command.environment["CONTEX_HEALTH_PORT"]
        for worker in children.workers()
    }
    assert gateway.command.environment["CONTEX_PORT"] == "8000"
    assert gateway.command.environment["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
    assert health == {"routing-1": "1", "routing-2": "2", "webhooks": "3"}
    assert gateway.command.log == tmp_path / "logs" / "gateway.log"


def test_the_environment_names_only_settings_that_exist(tmp_path: Path) -> None:
    known = {
        alias
        for setting in Settings.model_fields.values()
        for alias in getattr(setting.validation_alias, "choices", ())
    }
    named = environment(StackOptions(tmp_path), PORTS, "key").keys() - {"PYTHONUNBUFFERED"}
    assert named <= known, f"unknown: {sorted(named - known)}"


def test_what_the_caller_sets_wins(tmp_path: Path) -> None:
    options = StackOptions(tmp_path, environment={"CONTEX_WEBHOOK_ALLOW": ""})
    assert environment(options, PORTS, "key")["CONTEX_WEBHOOK_ALLOW"] == ""
