"""A log line is canonical JSON, carries its context, and never a secret."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from contex.settings import Settings
from contex.settings.catalogue import LogFormat
from contex.telemetry.logs import REDACTED, configure, get_logger


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(Settings(log_format="json"), "routing", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def only(lines: io.StringIO) -> dict[str, object]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, object] = json.loads(line)
    assert list(found) == sorted(found), "expected canonical JSON: sorted names"
    return found


def test_an_event_is_one_line_of_json(lines: io.StringIO) -> None:
    get_logger("contex.routing").info(
        "routed", tenant="acme", project="p", key="a/ü\nb", revision=7, seconds=0.25
    )
    found = only(lines)
    time = found.pop("time")
    assert isinstance(time, str)
    assert time.endswith("Z")
    assert found == {
        "event": "routed",
        "level": "info",
        "logger": "contex.routing",
        "service": "routing",
        "tenant": "acme",
        "project": "p",
        "key": "a/ü\nb",
        "revision": 7,
        "seconds": 0.25,
    }


def test_bound_context_is_in_every_line(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(traceparent="00-1"):
        get_logger("t").bind(tenant="acme").warning("late")
    found = only(lines)
    assert (found["tenant"], found["traceparent"], found["level"]) == ("acme", "00-1", "warning")


def test_the_standard_librarys_loggers_take_the_same_shape(lines: io.StringIO) -> None:
    logging.getLogger("other.library").error("went %s", "wrong", extra={"partition": 3})
    found = only(lines)
    assert found["event"] == "went wrong"
    assert (found["partition"], found["service"], found["level"]) == (3, "routing", "error")


def test_an_exception_is_in_the_line(lines: io.StringIO) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        get_logger("t").exception("failed")
    exception = only(lines)["exception"]
    assert isinstance(exception, str)
    assert exception.endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    "fields",
    [
        {"anything": SecretStr("s3cret")},
        {"secret": "s3cret"},
        {"webhook_secret": "s3cret"},
        {"secret_keys": "s3cret"},
        {"password": "s3cret"},
        {"Authorization": "Bearer s3cret"},
        {"api_key": "s3cret"},
        {"qdrant-api-key": "s3cret"},
        {"token": "s3cret"},
        {"access_token": "s3cret"},
        {"cookie": "s3cret"},
        {"set-cookie": "s3cret"},
        {"headers": {"authorization": "s3cret", "accept": "*/*"}},
        {"attempts": [{"request": {"headers": {"Cookie": "s3cret"}}}]},
        {"settings": [SecretStr("s3cret")]},
    ],
)
def test_secrets_are_redacted(lines: io.StringIO, fields: dict[str, object]) -> None:
    get_logger("t").info("started", **fields)
    logging.getLogger("t").info("started", extra=fields)
    assert "s3cret" not in lines.getvalue()
    assert lines.getvalue().count(REDACTED) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("signed with whsec_MfKQ9r8GKYqrTwjU+/==!", "signed with [redacted]!"),
        ("Authorization: Bearer abc.DEF-123_x", "Authorization: [redacted]"),
        ("http://me:s3cret@host/path", "http://[redacted]@host/path"),
        ("http://me:s3@cret@host/path, http://h", "http://[redacted]@host/path, http://h"),
        ("a bearer of news, basic facts", "a bearer of news, basic facts"),
        ("mail to me@example.com: http://example.com/a@b", None),
    ],
)
def test_what_looks_like_a_secret_is_replaced_anywhere(
    lines: io.StringIO, text: str, expected: str | None
) -> None:
    get_logger("t").info("x", detail={"deep": [text]})
    get_logger("t").info(text)

    first, second = map(json.loads, lines.getvalue().splitlines())
    assert first["detail"] == {"deep": [expected or text]}
    assert second["event"] == (expected or text)


def test_a_process_own_secrets_never_stand_in_a_line(lines: io.StringIO) -> None:
    keys = ["VGhpcnR5LXR3byBieXRlcyBvZiBhIHNlY3JldCBrZXk=", f"{'B' * 43}="]
    settings = Settings(
        log_format="json", api_key=SecretStr("my|api(key)"), secret_keys=SecretStr(",".join(keys))
    )
    configure(settings, "gateway", stream=lines)

    get_logger("t").info(f"got my|api(key) and {keys[1]}", also=keys[0])
    try:
        int(keys[0])
    except ValueError:
        get_logger("t").exception("failed")

    text = lines.getvalue()
    assert [secret for secret in ("my|api(key)", *keys) if secret in text] == []
    assert [json.loads(line)["level"] for line in text.splitlines()] == ["info", "error"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "secret", ['with"quote-and\\back', 'it\'s-"both"-quotes', "größer-als-ascii"]
)
def test_a_secret_is_found_however_it_is_escaped(
    lines: io.StringIO, secret: str, log_format: LogFormat
) -> None:
    settings = Settings(log_format=log_format, qdrant_api_key=SecretStr(secret))
    configure(settings, "gateway", stream=lines)

    get_logger("t").info(secret, plain=secret, shown=repr(secret), number=2**70)
    get_logger("t").info("x", plain=secret, data={"deep": [secret]})

    assert not re.search("back|both|als-ascii", lines.getvalue())
    assert lines.getvalue().count(REDACTED) == 5


def test_the_password_of_an_address_never_stands_in_a_line(lines: io.StringIO) -> None:
    url = "http://me:p%40ssword-1@registry"
    configure(Settings(log_format="json", schema_registry_url=url), "gateway", stream=lines)

    get_logger("t").info("refused: me, p@ssword-1 (p%40ssword-1)", url=url)

    assert only(lines)["event"] == f"refused: me, {REDACTED} ({REDACTED})"
    assert "ssword" not in lines.getvalue()


def test_nothing_steers_the_terminal(lines: io.StringIO) -> None:
    configure(Settings(log_format="console"), "gateway", stream=lines)
    evil = "evil\x1b[2J\x07\x9b\u202e\r\n2026 [info] faked"

    get_logger("t").info("x", key=evil, nested=[evil])
    logging.getLogger("t").warning("told %s", evil)
    for line in lines.getvalue().splitlines():
        assert line.isprintable()
    assert len(lines.getvalue().split("\n")) == 3
    assert "evil\\x1b[2J" in lines.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_tells_no_local_variables(lines: io.StringIO, log_format: LogFormat) -> None:
    configure(Settings(log_format=log_format), "gateway", stream=lines)

    def fail() -> None:
        body = "what a caller sent"[::-1]
        raise ValueError(f"{len(body)} \x1b[2J")

    try:
        fail()
    except ValueError:
        get_logger("t").exception("failed")

    assert "in fail" in lines.getvalue()
    assert "ValueError: 18" in lines.getvalue()
    assert not re.search("\x1b|tnes rellac", lines.getvalue())


def test_a_line_survives_what_json_cannot_hold(lines: io.StringIO) -> None:
    get_logger("t").info("x", key="\ud800", number=2**70, nested={"a": 1})
    found = only(lines)
    assert (found["key"], found["number"], found["nested"]) == ("\ud800", 2**70, "{'a': 1}")


def test_plain_fields_are_not_redacted(lines: io.StringIO) -> None:
    get_logger("t").info("x", key="weather", tokens=12, token_budget=5, secret=None, keys=["a"])
    found = only(lines)
    assert [found[name] for name in ("key", "tokens", "token_budget", "secret", "keys")] == [
        "weather",
        12,
        5,
        None,
        ["a"],
    ]


def test_what_json_lacks_is_described(lines: io.StringIO) -> None:
    get_logger("t").info("x", value=b"\xff", types={1: {2}})
    assert only(lines)["value"] == repr(b"\xff")


def test_the_level_is_the_settings(lines: io.StringIO) -> None:
    configure(Settings(log_format="json", log_level="WARNING"), "routing", stream=lines)
    get_logger("t").info("quiet")
    logging.getLogger("faust.app").info("quiet")
    assert lines.getvalue() == ""


def test_a_terminal_gets_readable_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    terminal = Terminal()
    try:
        configure(Settings(log_format="auto"), "gateway", stream=terminal)
        get_logger("t").info("listening", port=8000, secret="s3cret")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    assert "listening" in terminal.getvalue()
    assert "8000" in terminal.getvalue()
    assert "s3cret" not in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
