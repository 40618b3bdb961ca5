"""Logs: one canonical JSON line per event on stderr, or a readable one on a terminal.

Decides the shape of a line and what must never stand in one. Everything that goes through the
standard library's logging (Faust, aiohttp, the Kafka client) takes the same shape. Ships nothing:
whoever runs the process collects stderr.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import orjson
import structlog
from pydantic import SecretBytes, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from contex.settings import Settings
from contex.settings.catalogue import BY_FIELD
from contex.telemetry.repeats import Repeats

Scrub = Callable[[str], str]

REDACTED = "[redacted]"
REDACTION_DEPTH_MAX = 6
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(secrets?|secret[_-]?keys?|passwords?|passphrase|authorization|cookie|tokens?"
    r"|api[_-]?keys?|private[_-]?keys?|credentials?|signature)$",
    re.IGNORECASE,
)
_CREDENTIALS = (
    r"whsec_[A-Za-z0-9+/=_-]+"
    r"|(?<=://)[^/\s\"\\]+(?=@)"
    r"|(?:[Bb]earer|[Bb]asic|BEARER|BASIC) [A-Za-z0-9._~+/=-]{8,}"
)
"""A webhook's secret, user and password of a URL, and what follows an authentication scheme."""
OWN_SECRET_CHARACTERS_MIN = 8
_COUNTED = frozenset({"tokens"})
"""Names that look secret and are a measure: the size of a text in the embedder's tokens."""
_QUIET = (
    "aiokafka",
    "faust",
    "mode",
    "kafka",
    "aiohttp.access",
    "asyncio",
    "httpx",
    "qdrant_client",
)


def get_logger(name: str | None = None) -> structlog.stdlib.BoundLogger:
    """Return a logger; bind tenant, project, key and revision as plain fields."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(settings: Settings, service: str, *, stream: TextIO | None = None) -> None:
    """Set up logging for this process; call once, at its root.

    Args:
        settings: the level and the format; `auto` is the console on a terminal, JSON elsewhere.
        service: stands in every line.
        stream: where lines go; stderr unless told.
    """
    out = sys.stderr if stream is None else stream
    console = settings.log_format == "console" or (settings.log_format == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _name_service(service),
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(Repeats())
    handler.setFormatter(
        _Formatter(
            scrubber(_own_secrets(settings)),
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_console(out) if console else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders a line, then replaces whatever in it has the form of a secret or is one of ours."""

    def __init__(self, scrub: Scrub, **options: Any) -> None:  # noqa: ANN401 - structlog's own
        super().__init__(**options)
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._scrub(super().format(record))


def scrubber(secrets: Iterable[str]) -> Scrub:
    """Return a function that replaces secrets inside a text: these, and what looks like one."""
    written = {form for secret in secrets for form in _written(secret)}
    own = "|".join(re.escape(form) for form in sorted(written, key=len, reverse=True))
    pattern = re.compile(f"{own}|{_CREDENTIALS}" if own else _CREDENTIALS)
    return lambda text: pattern.sub(REDACTED, text)


def _written(secret: str) -> set[str]:
    """Return a secret as a line may have it: as it is, and quoted by Python or JSON, or both."""
    forms = {secret}
    for _ in range(2):
        forms |= {quoted for form in forms for quoted in _quoted(form)}
    return forms


def _quoted(text: str) -> set[str]:
    either = repr(text)[1:-1]
    # Which quote Python escapes depends on the text around it.
    single = repr(f'"{text}')[2:-1]
    return {either, single, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _own_secrets(settings: Settings) -> set[str]:
    """Return the secrets that this process was given; a list of keys is as many."""
    found: set[str] = set()
    for name in type(settings).model_fields:
        given = getattr(settings, name, None)
        if isinstance(given, SecretStr):
            found |= {part.strip() for part in given.get_secret_value().split(",")}
        elif isinstance(given, str) and BY_FIELD[name].credentials:
            password = urlsplit(given).password or ""
            found |= {password, unquote(password)}
    return {secret for secret in found if len(secret) >= OWN_SECRET_CHARACTERS_MIN}


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace secrets: by type (pydantic's) and by the name of the field, at any depth."""
    return {name: _redacted(name, value, REDACTION_DEPTH_MAX) for name, value in event.items()}


def _redacted(name: str, value: object, depth: int) -> Any:  # noqa: ANN401 - what logs carry
    if isinstance(value, SecretStr | SecretBytes):
        return REDACTED
    if name not in _COUNTED and _SECRET_NAME.search(name) and value is not None:
        return REDACTED
    if depth and isinstance(value, Mapping):
        return {key: _redacted(str(key), item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_redacted("", item, depth - 1) for item in value]
    return value


def _name_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, _render_json]


def _console(out: TextIO) -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=out.isatty(),
        timestamp_key="time",
        # The pretty ones print local variables: requests, values, secrets.
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [structlog.processors.format_exc_info, _legible, renderer]


def _legible(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell out what could steer a terminal; only a traceback has lines."""
    return {
        _spelt(name): _spelt(value, "\n" if name == "exception" else "")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _spelt(text: str, kept: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in kept else repr(one)[1:-1] for one in text)


def _render_json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    try:
        line = orjson.dumps(
            event, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        )
    except TypeError:  # text that is no Unicode, or a number of more than 64 bits
        return json.dumps(_plain(event), sort_keys=True)
    return line.decode()


def _plain(event: Mapping[str, Any]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | int | float | bool | None) else repr(value)
        for name, value in event.items()
    }
