"""docker-compose.yml works: its services of ours, run as it says, serve together."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from compose_file import ROOT, loaded
from composed import Composed
from confluent_kafka.admin import AdminClient, ConfigResource
from processes import unless_busy
from product import Api

PROJECT = "shop"
TOLD_S_MAX = 60
ADMIN_S_MAX = 30
MIB = {"m": 1, "g": 1024}
LOOKED_AFTER = re.findall(
    r"^docker compose (?:exec|run --rm --no-deps) (\w+) (contex .*)$",
    (ROOT / "docs/operating.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
"""The service in which a command of ours is run, and the command, as the documentation has them."""


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    with Composed(tmp_path_factory.mktemp("composed")) as composed:
        composed.wait_healthy()
        yield composed


@pytest.fixture(scope="module")
def api(composed: Composed) -> Api:
    return Api(f"http://127.0.0.1:{composed.port('gateway')}", PROJECT)


def test_every_service_of_ours_is_healthy(composed: Composed) -> None:
    assert {name: len(replicas) for name, replicas in composed.containers.items()} == {
        "topics": 1,
        "routing": 2,
        "webhooks": 1,
        "gateway": 1,
    }
    assert composed.containers["topics"][0].process.poll() == 0
    for name in ("routing", "webhooks", "gateway"):
        assert all(one.is_healthy() for one in composed.containers[name]), name


def test_a_value_reaches_the_agent_that_needs_it_by_meaning(api: Api) -> None:
    answer = api.register("ada", "how to reach the database")
    api.publish("lunch", "Soup of the day: lentils with lemon.")
    revision = api.publish("database", {"host": "db", "port": 5432})

    told: set[tuple[str, int]] = set()
    deadline = time.monotonic() + TOLD_S_MAX
    url = f"{api.url}{answer['updates_url']}&cursor={answer['cursor']}"
    with urllib.request.urlopen(url, timeout=TOLD_S_MAX) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                items = json.loads(line[6:])["data"].get("items", ())
                told |= {(item["data_key"], item["revision"]) for item in items}
            assert time.monotonic() < deadline, f"expected database@{revision}, got {told}"
            if ("database", revision) in told:
                break

    assert {key for key, _ in told} == {"database"}


def test_the_registry_of_the_file_was_told_the_schemas(composed: Composed) -> None:
    with urllib.request.urlopen(f"{composed.registry.url}/subjects", timeout=10) as answer:
        assert "contex.publications-value" in json.load(answer)


def test_the_registry_keeps_the_schemas_in_kafka_for_ever(composed: Composed) -> None:
    """Kept there as other topics are, they would be gone after a week."""
    admin = AdminClient({"bootstrap.servers": composed.broker.bootstrap})
    kept = ConfigResource(ConfigResource.Type.TOPIC, "kafkasql-journal")
    settings = admin.describe_configs([kept])[kept].result(ADMIN_S_MAX)
    told = {name: settings[name].value for name in ("retention.ms", "retention.bytes")}
    assert told == {"retention.ms": "-1", "retention.bytes": "-1"}

    with urllib.request.urlopen(f"{composed.registry.url}/config", timeout=10) as answer:
        assert json.load(answer) == {"compatibilityLevel": "BACKWARD_TRANSITIVE"}


def test_everything_that_prometheus_scrapes_answers_as_its_stage(composed: Composed) -> None:
    for name in ("gateway", "routing", "webhooks"):
        url = f"http://127.0.0.1:{composed.port(name)}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        assert re.search(rf'contex_build_info{{stage="{name}",version="[\d.]+"}} 1\.0', text), name


@pytest.mark.parametrize(("name", "command"), LOOKED_AFTER, ids=lambda one: one)
def test_what_looks_after_it_finds_everything_from_within(
    composed: Composed, name: str, command: str
) -> None:
    def examine() -> None:
        ran = composed.run(name, command.split())
        assert ran.returncode == 0, ran.stdout + ran.stderr

    unless_busy(examine)


def test_at_last_all_stop_in_order_having_kept_to_their_limits(
    composed: Composed, figure: Callable[[str], None]
) -> None:
    services = loaded({"CONTEX_SECRET_KEYS": "x"})["services"]
    for name in ("routing", "webhooks", "gateway"):
        limit = services[name]["deploy"]["resources"]["limits"]["memory"]
        most = max(one.peak_mib() for one in composed.containers[name])
        figure(f"{name}: {most:.0f} MiB at most, limit {limit}")
        assert most < int(limit[:-1]) * MIB[limit[-1]], name

    assert composed.stop() == {"gateway": [0], "webhooks": [0], "routing": [0, 0], "topics": [0]}

    written = list(composed.work.rglob("*"))
    assert written == [], "the root file system is read-only: only /tmp may be written"
