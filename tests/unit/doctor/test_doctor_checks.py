"""What each check of the doctor makes of what it sees, without Kafka and without an index."""

import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest

from contex.log.broker_wire import Node
from contex.log.reach import Obstacle, Reached, Unreached
from topology.doctor import gateway, index, kafka, machine
from topology.doctor.findings import Finding, Level
from topology.doctor.kafka import Facts
from topology.doctor.surroundings import Surroundings, surroundings


def around(environ: dict[str, str] | None = None, data: Path = Path("nowhere")) -> Surroundings:
    return surroundings(environ or {}, data)


def only(findings: Any) -> Finding:
    (finding,) = findings
    assert isinstance(finding, Finding)
    return finding


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> dict[str, Reached | Unreached]:
    """What the servers of the test answer, by host and port."""
    answers: dict[str, Reached | Unreached] = {}
    monkeypatch.setattr(kafka, "reach", lambda host, port: answers[f"{host}:{port}"])
    monkeypatch.setattr(kafka, "knock", lambda _host, _port: None)
    return answers


HERE = (Node(1, "kafka-1", 9092),)


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_every_obstacle_is_named_with_a_step(
    reached: dict[str, Reached | Unreached], obstacle: Obstacle
) -> None:
    reached["127.0.0.1:9092"] = Unreached(obstacle)
    found = only(kafka.look_at_kafka(around(), Facts()))
    assert (found.level, found.text) == (Level.FAIL, f"127.0.0.1:9092: {obstacle.value}")
    assert found.step


def test_one_server_of_several_is_enough(reached: dict[str, Reached | Unreached]) -> None:
    reached["a:1"] = Unreached(Obstacle.REFUSED)
    reached["b:2"] = Reached(HERE, 5.0)
    facts = Facts()
    found = kafka.look_at_kafka(around({"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2"}), facts)
    assert [one.level for one in found] == [Level.WARN, Level.OK]
    assert facts.ahead_ms == 5.0


def test_brokers_that_send_clients_nowhere_are_seen(
    reached: dict[str, Reached | Unreached], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached["127.0.0.1:9092"] = Reached((Node(1, "kafka.internal", 19092),))
    monkeypatch.setattr(kafka, "knock", lambda _host, _port: Obstacle.NO_HOST)
    found = only(kafka.look_at_kafka(around(), Facts()))
    assert found.level is Level.FAIL
    assert "sends clients to kafka.internal:19092" in found.text
    assert "advertised.listeners" in found.step


@pytest.mark.parametrize(
    ("ahead_ms", "level", "says"),
    [
        (3.0, Level.OK, "within 3 ms"),
        (-4_000.0, Level.WARN, "4.0 s ahead of the broker's"),
        (90_000.0, Level.FAIL, "90.0 s behind the broker's"),
        (None, Level.SKIP, "does not tell its time"),
    ],
)
def test_a_clock_that_is_off_is_told(ahead_ms: float | None, level: Level, says: str) -> None:
    found = only(kafka.look_at_clock(Facts(ahead_ms)))
    assert (found.level, says in found.text) == (level, True), found


@contextmanager
def serving(
    answers: dict[str, tuple[int, dict[str, Any]]], key: str | None = None
) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, body = answers.get(path, (404, {}))
            if path.startswith("/api") and key and self.headers["Authorization"] != f"Bearer {key}":
                status, body = 401, {}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


HEALTHY: dict[str, tuple[int, dict[str, Any]]] = {
    "/health/live": (200, {"status": "ok"}),
    "/health/ready": (200, {"status": "ok", "checks": {"kafka": True}}),
    "/api/v1/agents": (200, {"agents": []}),
}


@pytest.mark.parametrize(
    ("change", "key", "given", "level", "says"),
    [
        ({}, None, None, Level.OK, "none is wanted: fine on this machine alone"),
        ({}, "k" * 32, "k" * 32, Level.OK, "is taken"),
        ({}, "k" * 32, "x" * 32, Level.FAIL, "does not take this one"),
        ({}, "k" * 32, None, Level.FAIL, "wants one"),
        (
            {"/health/ready": (503, {"checks": {"kafka": False, "started": True}})},
            None, None, Level.FAIL, "lives, but is not ready: kafka",
        ),
        ({"/health/live": (404, {})}, None, None, Level.FAIL, "is no gateway of Contex"),
    ],
)  # fmt: skip
def test_a_gateway_is_seen_as_it_is(
    change: dict[str, Any], key: str | None, given: str | None, level: Level, says: str
) -> None:
    with serving({**HEALTHY, **change}, key) as url:
        environ = {"CONTEX_URL": url} | ({"CONTEX_API_KEY": given} if given else {})
        found = gateway.look_at_gateway(around(environ))
    assert any(one.level is level and says in one.text for one in found), found


def test_a_gateway_that_is_away_is_told_with_a_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = only(gateway.look_at_gateway(around({"CONTEX_URL": f"http://127.0.0.1:{port}"})))
    assert (found.level, "nothing listens there" in found.text) == (Level.FAIL, True), found
    assert "`contex dev`" in found.step


def test_wrong_and_odd_settings_are_told() -> None:
    found = machine.look_at_settings(around({"CONTEX_PORT": "front", "CONTEX_PROJCT": "x"}))
    assert [one.level for one in found] == [Level.FAIL, Level.WARN]
    assert "CONTEX_PORT" in found[0].text
    assert "did you mean CONTEX_PROJECT?" in found[1].text


@pytest.mark.parametrize(
    ("environ", "level", "says"),
    [
        ({"CONTEX_EMBEDDER": "deterministic"}, Level.WARN, "knows no meaning"),
        ({"CONTEX_MODEL": "no/such-model"}, Level.FAIL, "no/such-model is not on this machine"),
    ],
)
def test_a_model_that_does_not_serve_is_told(
    environ: dict[str, str], level: Level, says: str
) -> None:
    found = only(machine.look_at_model(around(environ)))
    assert (found.level, says in found.text) == (level, True), found


@pytest.mark.parametrize(
    ("free_bytes", "level"), [(10**8, Level.FAIL), (10**9, Level.WARN), (10**11, Level.OK)]
)
def test_little_room_is_told(
    monkeypatch: pytest.MonkeyPatch, free_bytes: int, level: Level
) -> None:
    class Usage:
        free = free_bytes

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    assert only(machine.look_at_disk(around())).level is level


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda name: None if name == "faust" else object())
    packages = machine.look_at_python()[1]
    assert packages.level is Level.WARN
    assert "faust" in packages.text
    assert "contex-stream[server]" in packages.step


def stack_in(folder: Path, pid: int, phase: str = "ready", restarts: int = 0) -> Surroundings:
    run = {
        "pid": pid,
        "gateway_url": "http://127.0.0.1:8123",
        "bootstrap": "127.0.0.1:9123",
        "index_port": 6123,
        "children": {"routing-1": {"phase": phase, "restarts": restarts, "log": "routing-1.log"}},
    }
    (folder / "run.json").write_text(json.dumps(run))
    return around({"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}, folder)


def test_a_running_stack_says_where_everything_is_but_the_environment_wins(tmp_path: Path) -> None:
    where = stack_in(tmp_path, os.getpid())
    assert where.uses_dev
    assert where.value("CONTEX_URL") == "http://127.0.0.1:8123"
    assert where.value("QDRANT_GRPC_PORT") == 6123
    assert where.value("KAFKA_BOOTSTRAP_SERVERS") == "kafka:9092"


@pytest.mark.parametrize(
    ("phase", "restarts", "level", "says"),
    [
        ("ready", 0, Level.OK, "all 1 processes are ready"),
        ("ready", 3, Level.WARN, "routing-1 was restarted 3 times"),
        ("starting", 0, Level.FAIL, "routing-1 is starting"),
    ],
)
def test_the_processes_of_a_stack_are_looked_at(
    tmp_path: Path, phase: str, restarts: int, level: Level, says: str
) -> None:
    found = only(machine.look_at_dev(stack_in(tmp_path, os.getpid(), phase, restarts)))
    assert (found.level, says in found.text) == (level, True), found


def test_a_stack_that_was_killed_is_not_taken_for_one_that_runs(tmp_path: Path) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    where = stack_in(tmp_path, gone)
    assert not where.uses_dev
    assert where.value("CONTEX_URL") == "http://127.0.0.1:8000"
    assert "ended without stopping in order" in only(machine.look_at_dev(where)).text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": 1, "children": []}', "{"])
def test_another_file_of_that_name_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    assert around(data=tmp_path).dev is None


@pytest.mark.parametrize("pid", [1 << 40, 10**30])
def test_a_process_id_that_can_be_none_runs_not(tmp_path: Path, pid: int) -> None:
    assert not stack_in(tmp_path, pid).uses_dev


def test_room_is_looked_for_where_the_folder_would_be(tmp_path: Path) -> None:
    found = only(machine.look_at_disk(around(data=tmp_path / "not" / "yet" / "there")))
    assert found.text.endswith(f" GB free in {tmp_path}"), found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"/health/live": (200, {"status": "resting"})}, "is no gateway of Contex"),
        ({"/health/ready": (503, {})}, "is not ready: status 503"),
        ({"/api/v1/agents": (503, {"detail": "Kafka is away"})}, "was answered 503"),
    ],
)
def test_a_gateway_that_answers_oddly_is_told(
    change: dict[str, tuple[int, dict[str, Any]]], says: str
) -> None:
    with serving({**HEALTHY, **change}) as url:
        found = gateway.look_at_gateway(around({"CONTEX_URL": url}))
    assert any(one.level is Level.FAIL and says in one.text for one in found), found


def test_a_gateway_that_is_open_to_everybody_elsewhere_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway, "is_loopback", lambda _host: False)
    with serving(HEALTHY) as url:
        found = gateway.look_at_gateway(around({"CONTEX_URL": url}))
    [open_] = [one for one in found if one.subject == "API key"]
    assert (open_.level, open_.text) == (Level.WARN, "the gateway answers everybody")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "127.0.0.1", "a..b"])
def test_the_password_of_a_url_is_never_shown(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    def refuse(_request: Request, **_: object) -> None:
        raise URLError(ConnectionRefusedError())

    monkeypatch.setattr(gateway, "urlopen", refuse)
    found = only(gateway.look_at_gateway(around({"CONTEX_URL": f"http://ada:hunter2@{host}"})))
    assert (found.level, "hunter2" in str(found)) == (Level.FAIL, False), found
    assert found.text == f"http://(hidden)@{host}: nothing listens there"


def test_the_password_of_a_url_is_for_the_proxy_that_asks_for_it() -> None:
    with serving(HEALTHY, "k" * 32) as url:
        with_password = url.replace("://", "://ada:hunter2@")
        found = gateway.look_at_gateway(around({"CONTEX_URL": with_password}))
        assert found[0].level is Level.OK, found
        assert "hunter2" not in str(found)


def test_an_index_that_is_away_is_told_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environ = {"QDRANT_URL": "http://ada:hunter2@127.0.0.1:9", "QDRANT_GRPC_PORT": str(port)}
    found = only(index.look_at_index(around(environ), Facts()))
    assert (found.level, "hunter2" in str(found)) == (Level.FAIL, False), found
    assert found.text.endswith("nothing listens there")
