"""Every command and every program of the documentation does what its page says.

All pages are followed against the one stack that `make run` starts.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docs_commands import ROOT, Reader, blocks, pages
from docs_programs import kcat
from processes import eventually

from contex.local.ports import free_ports

PLAYED = "expected updates arrived, and no other."
SERVES = "Contex keeps serving"
STOP_S_MAX = 60.0
KCAT_PAGE = "docs/kafka-tools.md"
SHOWN = {
    "README.md": ("matched", "tech_stack", "agents told: 2", "MariaDB"),
    "docs/cli.md": ("team/on-call  revision", "who is on call", "Deleted the agent docs."),
    "docs/client.md": ("initial team/on-call", "initial team/lunch", " [('tech_stack',"),
    "docs/topics.md": ("PostgreSQL",),
    "docs/webhooks.md": (
        "matched ['team/databases']",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
}
"""What a page promises that its reader will see."""

RUN = {
    page: runnable
    for page, text in pages().items()
    if (runnable := [block for block in blocks(page, text) if block.not_run is None])
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`make run`, as it is typed but for installing and the ports; gives the data folder."""
    folder = tmp_path_factory.mktemp("docs")
    output = folder / "output"
    data = folder / ".contex"
    options = f"ARGS=--port 0 --kafka-port 0 --data {data}"
    installed = ("--old-file", ".venv/.run", f"BIN={Path(sys.executable).parent}")
    with output.open("wb") as printed:
        process = subprocess.Popen(
            ["make", *installed, "run", options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(
            lambda: process.poll() is not None or SERVES in output.read_text(encoding="utf-8"),
            "make run plays its example and keeps serving",
        )
        said = output.read_text(encoding="utf-8")
        assert SERVES in said, f"make run ended with status {process.returncode}:\n{said}"
        assert PLAYED in said, f"make run: expected {PLAYED!r}, got:\n{said}"
        yield data
    finally:
        with suppress(ProcessLookupError):  # it has ended, and what is wrong was said above
            os.killpg(process.pid, signal.SIGINT)  # Ctrl-C, as a terminal sends it
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


@pytest.fixture(scope="module")
def kcat_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str] | None:
    """The environment in which `kcat` runs; None where it cannot be had."""
    return kcat(tmp_path_factory.mktemp("kcat"))


def places(run: dict[str, Any]) -> dict[str, str]:
    """Return what the pages say, and what stands for it here."""
    gateway = run["gateway_url"].removeprefix("http://")
    port = free_ports(1)[0]
    return {
        **{f"{host}:8000": gateway for host in ("localhost", "127.0.0.1")},
        **{f"{host}:9092": run["bootstrap"] for host in ("localhost", "127.0.0.1")},
        "127.0.0.1:9000": f"127.0.0.1:{port}",
        '("127.0.0.1", 9000)': f'("127.0.0.1", {port})',
    }


@pytest.mark.parametrize("page", RUN)
def test_a_page_can_be_followed(
    page: str,
    data: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    figure: Callable[[str], None],
) -> None:
    run = json.loads((data / "run.json").read_text(encoding="utf-8"))
    environment = {
        "CONTEX_URL": run["gateway_url"],
        "KAFKA_BOOTSTRAP_SERVERS": run["bootstrap"],
    }
    if page == KCAT_PAGE:
        found = request.getfixturevalue("kcat_environment")
        if found is None:
            pytest.skip("kcat is not installed and cannot be fetched")
        environment |= found

    with Reader(tmp_path, places(run), environment) as reader:
        (reader.folder / ".contex").symlink_to(data)
        printed = [reader.run(block) for block in RUN[page]]

    seen = "\n".join(printed)
    missing = [words for words in SHOWN.get(page, ()) if words not in seen]
    assert missing == [], f"{page}: expected {missing} to be shown, got:\n{seen}"
    figure(f"{page}: {len(printed)} blocks")


def test_what_is_said_to_be_shown_is_of_a_page_that_is_run() -> None:
    assert set(SHOWN) <= set(RUN)
    assert KCAT_PAGE in RUN
