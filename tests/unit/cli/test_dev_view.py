"""What `contex dev` says when its output is piped, and how it fails."""

import os
import signal
import sys
from io import StringIO
from pathlib import Path
from typing import Any, Self, cast

import pytest
from click.testing import CliRunner
from rich.console import Console

import contex.cli.dev as dev_module
from contex.cli.dev import dev
from contex.cli.view import Enduring, View
from contex.embedding import models
from contex.embedding.models import Progress
from contex.local.folder import DataFolder
from contex.local.service import Event, Kind
from contex.local.stack import StackOptions


def piped() -> tuple[View, StringIO]:
    output = StringIO()
    return View(Console(file=output, width=200)), output


def test_events_are_plain_lines_when_piped() -> None:
    view, output = piped()
    with view:
        view.report(Event(Kind.READY, "broker", "ready", 2.34))
        view.report(Event(Kind.ENDED, "gateway", "was ended by SIGKILL [9]"))
    assert output.getvalue().splitlines() == [
        "  ✓ broker       2.3 s  ready",
        "  ! gateway             was ended by SIGKILL [9]",
    ]


def test_a_download_is_told_a_few_times_when_piped() -> None:
    view, output = piped()
    for percent in range(101):
        view.download("Kafka", percent * 450_000, 45_000_000)
    lines = output.getvalue().splitlines()
    assert lines[0] == "Downloading Kafka: 0 of 45 MB"
    assert lines[-1] == "Downloading Kafka: 45 of 45 MB"
    assert len(lines) == 5


def test_a_folder_in_use_ends_with_words_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEX_EMBEDDER", "deterministic")
    holder = DataFolder(tmp_path)
    holder.acquire()
    try:
        result = CliRunner().invoke(dev, ["--data", str(tmp_path)])
    finally:
        holder.release()
    assert result.exit_code == 1
    assert "works in" in result.output
    assert "--data FOLDER" in result.output.replace("\n", " ")


def test_signal_handlers_are_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_EMBEDDER", "abacus")
    before = signal.getsignal(signal.SIGINT)
    CliRunner().invoke(dev, ["--data", str(tmp_path)])
    assert signal.getsignal(signal.SIGINT) is before


def test_a_wrong_environment_ends_with_its_name_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEX_EMBEDDER", "abacus")
    result = CliRunner().invoke(dev, ["--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "CONTEX_EMBEDDER" in result.output


def test_a_stack_outlives_who_reads_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Left())
    view = View(Enduring())
    for number in range(2):
        view.report(Event(Kind.READY, "broker", f"ready {number}", 2.34))


class Stack:
    """A stack that starts and stops nothing."""

    gateway_url = "http://127.0.0.1:8000"
    bootstrap = "127.0.0.1:9092"
    index_port = 6334

    def __init__(self, folder: Path) -> None:
        self.options = StackOptions(folder)
        self.done: list[str] = []

    def __enter__(self) -> Self:
        self.done.append("started")
        return self

    def __exit__(self, *_: object) -> None:
        self.done.append("stopped")

    def follow(self) -> None:
        self.done.append("followed")

    def kill_all(self) -> None:
        self.done.append("killed")


@pytest.mark.parametrize(
    ("exit_after_ready", "done"),
    [(False, ["started", "followed", "stopped"]), (True, ["started", "stopped"])],
)
def test_a_stack_is_followed_unless_it_need_only_be_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_after_ready: bool, done: list[str]
) -> None:
    monkeypatch.setenv("CONTEX_EMBEDDER", "deterministic")
    view, output = piped()
    stack = Stack(tmp_path)
    dev_module.run(cast("Any", stack), view, exit_after_ready=exit_after_ready)
    assert stack.done == done
    assert f"its data is in {tmp_path}" in output.getvalue()
    assert "contex register ada -p demo" in output.getvalue()


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://127.0.0.1:8000", False), ("http://127.0.0.1:8123", True)],
)
def test_another_gateway_than_the_usual_one_is_told_with_its_variable(
    tmp_path: Path, url: str, told: bool
) -> None:
    stack = Stack(tmp_path)
    stack.gateway_url = url
    guide = dev_module.guide(cast("Any", stack))
    assert (f"export CONTEX_URL={url}" in guide) is told


@pytest.mark.parametrize("key", ["", "a-secret-key-of-ours"])
def test_a_key_that_the_gateway_wants_is_mentioned_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("CONTEX_API_KEY", key)
    guide = dev_module.guide(cast("Any", Stack(tmp_path)))
    assert ("export CONTEX_API_KEY=..." in guide) is bool(key)
    assert "a-secret-key-of-ours" not in guide


class Gone(Exception):
    """The process would have ended."""


@pytest.fixture
def _ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(status: int) -> None:
        raise Gone(status)

    monkeypatch.setattr(os, "_exit", end)


@pytest.mark.usefixtures("_ends")
def test_the_first_signal_stops_and_the_second_kills(tmp_path: Path) -> None:
    view, output = piped()
    stack = Stack(tmp_path)
    interrupts = dev_module.Interrupts(cast("Any", stack), view)
    with pytest.raises(KeyboardInterrupt):
        interrupts.receive(signal.SIGINT, None)
    assert "Ctrl-C again kills it at once" in output.getvalue()
    assert stack.done == []
    with pytest.raises(Gone, match="130"):
        interrupts.receive(signal.SIGINT, None)
    assert stack.done == ["killed"]


@pytest.mark.usefixtures("_ends")
def test_signals_are_obeyed_whatever_fails_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("reentrant call inside a writer")

    view, _ = piped()
    stack = Stack(tmp_path)
    monkeypatch.setattr(view, "say", fail)
    monkeypatch.setattr(stack, "kill_all", fail)
    interrupts = dev_module.Interrupts(cast("Any", stack), view)
    with pytest.raises(KeyboardInterrupt):
        interrupts.receive(signal.SIGINT, None)
    with pytest.raises(Gone, match="130"):
        interrupts.receive(signal.SIGINT, None)


def test_the_model_is_brought_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def fetch(model: str, show: Progress) -> None:
        asked.append(model)
        show("the model hub", 50_000_000, 100_000_000)

    monkeypatch.setenv("CONTEX_EMBEDDER", "openvino")
    monkeypatch.setenv("CONTEX_MODEL", "org/other")
    monkeypatch.setattr(models, "fetch", fetch)
    view, output = piped()
    dev_module.bring_model(view)
    assert asked == ["org/other"]
    assert output.getvalue() == "Downloading org/other from the model hub: 50 of 100 MB\n"
