"""A process begins by reading its settings; whatever is wrong is told in the log's own shape."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from contex.errors import InvalidValue
from contex.telemetry import metrics
from contex.telemetry.begin import begin, release


@pytest.fixture(autouse=True)
def logging_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("CONTEX_LOG_FORMAT", "json")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_misspelt_name_is_pointed_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTEX_WEBHOOKS_ALLOW", "10.0.0.0/8")

    settings = begin("routing")

    [line] = lines(capsys)
    assert settings.webhook_allow == ()
    assert (line["level"], line["event"], line["name"], line["meant"]) == (
        "warning",
        "settings.unknown",
        "CONTEX_WEBHOOKS_ALLOW",
        "CONTEX_WEBHOOK_ALLOW",
    )


def test_a_wrong_setting_is_raised_once_the_logs_are_set_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTEX_PORT", "eighty")
    monkeypatch.setenv("CONTEX_PROT", "80")

    with pytest.raises(InvalidValue, match="CONTEX_PORT"):
        begin("gateway")
    logging.getLogger("any").critical("ending")

    slip, line = lines(capsys)
    assert (slip["service"], slip["event"], slip["meant"]) == (
        "gateway",
        "settings.unknown",
        "CONTEX_PORT",
    )
    assert (line["service"], line["event"]) == ("gateway", "ending")


def test_the_release_is_measured() -> None:
    begin("webhooks")

    text = metrics.render().decode()
    assert f'contex_build_info{{stage="webhooks",version="{release()}"}} 1.0' in text
