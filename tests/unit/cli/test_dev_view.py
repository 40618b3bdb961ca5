"""What `contex dev` says when its output is piped, and how it fails."""

import signal
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from contex.cli.dev import dev
from contex.cli.view import View
from contex.local.folder import DataFolder
from contex.local.service import Event, Kind


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
