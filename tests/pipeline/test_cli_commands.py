"""The command line as a person types it, in processes of its own, against a whole stack."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from processes import mortal, unless_busy

from contex.local.ports import free_ports
from contex.local.stack import Stack, StackOptions

RUN_S_MAX = 60.0
DOCTOR_S_MAX = 20.0
"""Ten are promised; the processes' own start comes on top, on a busy machine."""
NEED = "database host port"


@dataclass(frozen=True)
class Shell:
    """Runs `contex` in a folder, with an environment."""

    folder: Path
    environ: dict[str, str]

    def start(self, *arguments: str, **env: str) -> AbstractContextManager["subprocess.Popen[str]"]:
        return mortal(
            subprocess.Popen(
                [sys.executable, "-m", "contex.cli.main", *arguments],
                cwd=self.folder,
                env={**self.environ, **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def run(self, *arguments: str, status: int = 0, stdin: str = "", **env: str) -> tuple[str, str]:
        """Return what it printed, on both streams; its status must be `status`."""
        with self.start(*arguments, **env) as process:
            stdout, stderr = process.communicate(stdin, timeout=RUN_S_MAX)
        what = f"contex {' '.join(arguments)}"
        assert process.returncode == status, (
            f"{what}: expected {status}, got {process.returncode}\n{stdout}\n{stderr}"
        )
        assert "Traceback" not in stderr, stderr
        return stdout, stderr

    def json(self, *arguments: str, status: int = 0, stdin: str = "", **env: str) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status, stdin=stdin, **env)[0])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = StackOptions(
        tmp_path_factory.mktemp("cli-stack"), environment={"CONTEX_EMBEDDER": "deterministic"}
    )
    with Stack(options) as stack:
        yield stack


@pytest.fixture(scope="module")
def contex(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("cli-folder")
    docs = folder / "docs"
    docs.mkdir()
    (docs / "database.yaml").write_text("database:\n  host: db\n  port: 5432\n")
    (docs / "colours.md").write_text("# Colours\n\nThe walls are painted green.\n")
    (docs / "broken.json").write_text('{"half": ')
    (docs / "logo.png").write_bytes(b"\x89PNG\x00")
    (docs / ".env").write_text("SECRET=1")
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CONTEX_")}
    environ |= {"CONTEX_URL": stack.gateway_url, "CONTEX_PROJECT": "demo"}
    return Shell(folder, environ)


@pytest.fixture(scope="module")
def published(contex: Shell) -> dict[str, Any]:
    """A folder is published, with one bad file in it."""
    told: dict[str, Any] = contex.json("publish", "docs", "--metadata", "team=web", status=1)
    return told


@pytest.fixture(scope="module")
def registered(contex: Shell, published: dict[str, Any]) -> dict[str, Any]:
    assert published["published"], "expected something that matches already"
    told: dict[str, Any] = contex.json(
        "register", "helper", "--need", NEED, "--filter", "team=web", "--threshold", "0.2", "--wait"
    )
    return told


def test_a_folder_is_published_and_one_bad_file_hurts_no_other(published: dict[str, Any]) -> None:
    assert (published["published"], published["failed"]) == (2, 1)
    assert published["left_out"] == {"hidden": 1, "excluded": 0, "links": 0, "binary": 1}
    by_key = {one["data_key"]: one for one in published["results"]}
    assert by_key["docs/database.yaml"]["revision"] >= 0
    assert "JSON" in by_key["docs/broken.json"]["error"]


def test_a_registration_that_waits_shows_what_matches_already(registered: dict[str, Any]) -> None:
    items = registered["initial"]["items"]
    assert [one["data_key"] for one in items] == ["docs/database.yaml"]
    assert "port: 5432" in items[0]["data"]


def test_a_listener_hears_what_is_published_meanwhile(
    contex: Shell, registered: dict[str, Any]
) -> None:
    with contex.start("listen", "helper", "--json", "--count", "3") as listener:
        assert listener.stdout is not None
        initial = json.loads(listener.stdout.readline())
        assert (initial["kind"], initial["epoch"]) == ("initial", registered["epoch"])

        told = contex.json(
            "publish", "standby", '{"database": {"host": "db2", "port": 5433}}',
            "-m", "team=web", "--wait",
        )  # fmt: skip
        assert (told["outcome"], told["told"].get("matched")) == ("routed", 1), told
        deleted = contex.json("delete", "standby", "--wait")
        assert (deleted["outcome"], deleted["told"].get("deleted")) == ("routed", 1), deleted

        rest, _ = listener.communicate(timeout=RUN_S_MAX)
    updates = [json.loads(line) for line in rest.splitlines()]
    assert [(one["kind"], one["items"][0]["data_key"]) for one in updates] == [
        ("matched", "standby"),
        ("deleted", "standby"),
    ]
    assert updates[0]["items"][0]["data"] == {"database": {"host": "db2", "port": 5433}}
    assert listener.returncode == 0


def test_a_pipe_gets_plain_lines(contex: Shell, registered: dict[str, Any]) -> None:
    cursor = registered["cursor"]
    stdout, stderr = contex.run("listen", "helper", "--cursor", cursor, "-n", "1")
    assert "docs/database.yaml  revision" in stdout
    assert "\x1b" not in stdout + stderr
    assert "Go on: contex listen helper -p demo --cursor" in stderr


@pytest.mark.usefixtures("registered")
def test_a_query_finds_what_was_published(contex: Shell) -> None:
    told = contex.json("query", NEED, "--filter", "team=web", "-k", "3")
    assert told["matches"][0]["data_key"] == "docs/database.yaml"
    stdout, _ = contex.run("query", NEED)
    assert "docs/database.yaml" in stdout


@pytest.mark.usefixtures("registered")
def test_agents_come_and_go(contex: Shell) -> None:
    contex.run("register", "passer-by", "--needs-file", "-", stdin="- anything\n")
    assert {one["agent_id"] for one in contex.json("agents")} >= {"helper", "passer-by"}
    shown = contex.json("agents", "show", "helper")
    assert shown["data_needs"][0]["filters"] == {"team": ["web"]}
    contex.run("agents", "delete", "passer-by")
    _, stderr = contex.run("agents", "show", "passer-by", status=3)
    assert "Error: " in stderr


def doctor(contex: Shell, *arguments: str, status: int, **env: str) -> list[tuple[str, str, str]]:
    told = contex.json("doctor", *arguments, status=status, **env)
    return [(one["subject"], one["level"], one["text"]) for one in told["findings"]]


@pytest.mark.usefixtures("registered")
def test_the_doctor_finds_a_healthy_stack_healthy(contex: Shell, stack: Stack) -> None:
    def examined() -> list[tuple[str, str, str]]:
        return doctor(contex, "--data", str(stack.options.data), status=0, CONTEX_URL="")

    found = unless_busy(examined)
    levels = {subject: level for subject, level, _ in found}
    assert {"warn", "fail", "skip"} & set(levels.values()) == set(), found
    assert levels.keys() >= {
        *("contex dev", "Kafka", "clock", "topics", "schemas", "index", "gateway", "API key"),
        *("routing", "webhooks", "dead letters"),
    }
    assert any("is whole" in text for subject, _, text in found if subject == "index")


def test_the_doctor_is_done_in_time_when_nothing_answers(contex: Shell) -> None:
    port = free_ports(1)[0]
    nowhere = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "QDRANT_GRPC_PORT": str(port),
        "CONTEX_URL": f"http://127.0.0.1:{port}",
        "SCHEMA_REGISTRY_URL": f"http://127.0.0.1:{port}",
    }
    began_s = time.monotonic()
    found = doctor(contex, status=1, **nowhere)
    took_s = time.monotonic() - began_s
    assert took_s < DOCTOR_S_MAX, f"expected at most {DOCTOR_S_MAX} s, got {took_s:.1f} s"
    failures = {subject for subject, level, _ in found if level == "fail"}
    skipped = {subject for subject, level, _ in found if level == "skip"}
    assert failures == {"Kafka", "schemas", "index", "gateway"}, found
    assert skipped == {"clock", "topics", "routing", "webhooks", "dead letters"}, found


def test_the_doctor_names_the_usual_mistakes(contex: Shell, stack: Stack) -> None:
    gateway = stack.gateway_url.removeprefix("http://")
    swapped = {
        "KAFKA_BOOTSTRAP_SERVERS": gateway,
        "QDRANT_GRPC_PORT": str(stack.index_port),
        "CONTEX_URL": "http://" + stack.health_urls["webhooks"].removeprefix("http://"),
    }
    texts = [text for _, level, text in doctor(contex, status=1, **swapped) if level == "fail"]
    assert any("something answers, but it is not Kafka" in text for text in texts), texts
    assert any("asking for agents was answered 404" in text for text in texts), texts


def test_interrupting_a_listener_ends_it_with_130(
    contex: Shell, registered: dict[str, Any]
) -> None:
    with contex.start("listen", "helper") as listener:
        assert listener.stdout is not None
        listener.stdout.readline()
        listener.send_signal(signal.SIGINT)
        _, said = listener.communicate(timeout=RUN_S_MAX)
    assert (listener.returncode, f"--cursor {registered['cursor'].split(':')[0]}:" in said) == (
        130,
        True,
    )
