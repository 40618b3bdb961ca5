"""The whole product as `contex dev` runs it: it serves, heals itself, and leaves nobody behind."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from processes import DEADLINE_S, alive, eventually, mortal

from contex.local.errors import FolderInUse
from contex.local.stack import Stack, StackOptions

DETERMINISTIC = {"CONTEX_EMBEDDER": "deterministic"}
CHILDREN = ["broker", "index", "routing-1", "routing-2", "webhooks", "gateway"]


def run_file(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "run.json").read_text())
    return found


def pids(data: Path) -> list[int]:
    return [child["pid"] for child in run_file(data)["children"].values()]


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = StackOptions(
        tmp_path_factory.mktemp("stack"), routing_workers=2, environment=DETERMINISTIC
    )
    with Stack(options) as stack:
        yield stack


def test_the_gateway_says_that_all_is_ready(stack: Stack) -> None:
    status, body = get(f"{stack.gateway_url}/health/ready")
    assert status == 200, f"expected 200, got {status}: {body!r}"


def test_run_json_names_every_child_and_where_it_serves(stack: Stack) -> None:
    found = run_file(stack.options.data)
    assert list(found["children"]) == CHILDREN
    assert found["gateway_url"] == stack.gateway_url
    for name, child in found["children"].items():
        assert child["pid"] == stack.pid(name)
        assert child["phase"] == "ready"
        if child["url"]:
            assert get(f"{child['url']}/health/live")[0] == 200


def test_two_stacks_cannot_share_a_folder(stack: Stack) -> None:
    with pytest.raises(FolderInUse, match=str(os.getpid())), Stack(stack.options):
        pass
    stack.wait_ready()


@pytest.mark.parametrize("name", CHILDREN)
def test_whoever_is_killed_comes_back(stack: Stack, name: str) -> None:
    before = stack.kill(name)
    eventually(lambda: stack.pid(name) != before, f"{name} is another process than {before}")
    stack.wait_ready()
    eventually(
        lambda: run_file(stack.options.data)["children"][name]["phase"] == "ready",
        f"run.json says that {name} is ready",
    )
    assert run_file(stack.options.data)["children"][name]["pid"] == stack.pid(name) != before


def contex_dev(data: Path, *options: str) -> AbstractContextManager["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "contex.cli.main", "dev", "--data", str(data)]
    return mortal(
        subprocess.Popen(
            [*command, "--port", "0", "--kafka-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **DETERMINISTIC},
        )
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return "".join(seen)
    raise AssertionError(f"expected {words!r}, got:\n{''.join(seen)}")


def test_contex_dev_stops_in_order_at_ctrl_c(tmp_path: Path) -> None:
    with contex_dev(tmp_path) as process:
        read_until(process, "Ctrl-C stops everything.")
        running = pids(tmp_path)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, output
    assert "Everything has stopped." in output
    assert "was killed" not in output
    assert [pid for pid in running if alive(pid)] == []
    assert not (tmp_path / "run.json").exists()


def test_contex_dev_killed_leaves_nobody_and_starts_again(tmp_path: Path) -> None:
    with contex_dev(tmp_path) as process:
        read_until(process, "Ctrl-C stops everything.")
        running = pids(tmp_path)
        process.kill()
    eventually(lambda: not any(map(alive, running)), f"processes {running} are gone")

    with contex_dev(tmp_path, "--exit-after-ready") as process:
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, output


def test_contex_dev_kills_at_the_second_ctrl_c(tmp_path: Path) -> None:
    with contex_dev(tmp_path) as process:
        read_until(process, "Ctrl-C stops everything.")
        running = pids(tmp_path)
        # A broker that sleeps cannot stop in order.
        os.kill(run_file(tmp_path)["children"]["broker"]["pid"], signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        read_until(process, "Stopping everything in order")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert [pid for pid in running if alive(pid)] == []
