"""Reads an environment by the catalogue: each setting's value and origin, and what is wrong.

Decides what is wrong, what may be shown, and which unknown names look like a slip of the pen.
Pure: the environment is passed in.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from contex.settings.catalogue import BY_NAME, SETTINGS, Process, Setting

HIDDEN = "(hidden)"
NOT_SET = "not set"
EMPTY = "empty"
VALUE_CHARACTERS_SHOWN_MAX = 120

_OURS = "CONTEX_"
_THEIRS = ("KAFKA_", "QDRANT_", "SCHEMA_")
_LIKENESS_MIN = 0.8
_LIKENESS_OF_OURS_MIN = 0.6
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?)")
_SERVICE_SCHEMES = ("tcp://", "udp://")


class Origin(StrEnum):
    """Where a value comes from."""

    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting as it stands in one environment.

    Attributes:
        setting: which.
        origin: whether the environment sets it.
        shown: its value, fit to be shown: secrets and passwords are hidden.
        problem: what is wrong with it, or None.
    """

    setting: Setting
    origin: Origin
    shown: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nothing reads, and the one that may have been meant."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.name} is no setting of Contex and has no effect{hint}"


@dataclass(frozen=True, slots=True)
class Reading:
    """An environment, read."""

    entries: tuple[Entry, ...]
    unknown: tuple[Unknown, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong, each with the name of its variable."""
        return tuple(
            f"{entry.setting.name}: {entry.problem}" for entry in self.entries if entry.problem
        )


def read(environ: Mapping[str, str], readers: Collection[Process] = tuple(Process)) -> Reading:
    """Read the settings of `readers`. An empty variable counts as not set."""
    entries = tuple(
        _entry(setting, environ.get(setting.name, ""))
        for setting in SETTINGS
        if not set(readers).isdisjoint(setting.readers)
    )
    return Reading(entries, unknown(environ))


def problem(setting: Setting, text: str) -> str | None:
    """Return what is wrong with `text` as this setting, its value told unless it is secret."""
    try:
        setting.kind.parse(text)
    except ValueError as error:
        if setting.secret:
            return f"expected {error}"
        return f"expected {error}, got {_excerpt(setting, text)!r}"
    return None


def unknown(environ: Mapping[str, str]) -> tuple[Unknown, ...]:
    """Return the names that look like settings of Contex and are none."""
    found = []
    for name in sorted(environ):
        if name in BY_NAME or _is_service_link(name, environ[name]):
            continue
        if name.upper().startswith(_OURS):
            found.append(Unknown(name, _meant_of_ours(name)))
        elif name.upper().startswith(_THEIRS) and (meant := _meant(name)):
            found.append(Unknown(name, meant))
    return tuple(found)


def shown(setting: Setting, text: str) -> str:
    """Return a value as it may be shown."""
    if setting.secret:
        return HIDDEN
    if setting.credentials:
        text = without_password(text)
    return text or EMPTY


def without_password(url: str) -> str:
    """Return `url` with its user and password hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    _, at, host = parts.netloc.rpartition("@")
    if url.count("@") > parts.netloc.count("@"):
        return HIDDEN  # a password may hold what ends the address
    if not at:
        return url
    return urlunsplit(parts._replace(netloc=f"{HIDDEN}@{host}"))


def _excerpt(setting: Setting, text: str) -> str:
    if setting.credentials:
        text = without_password(text)
    return text[:VALUE_CHARACTERS_SHOWN_MAX]


def _entry(setting: Setting, text: str) -> Entry:
    if text:
        return Entry(setting, Origin.ENVIRONMENT, shown(setting, text), problem(setting, text))
    default = NOT_SET if setting.default is None else shown(setting, setting.default)
    return Entry(setting, Origin.DEFAULT, default)


def _is_service_link(name: str, value: str) -> bool:
    """Say whether Kubernetes put this here, as it does for every service."""
    return bool(_SERVICE_LINK.fullmatch(name)) or value.startswith(_SERVICE_SCHEMES)


def _meant(name: str) -> str | None:
    close = get_close_matches(name.upper(), BY_NAME, n=1, cutoff=_LIKENESS_MIN)
    return close[0] if close else None


def _meant_of_ours(name: str) -> str | None:
    """Compare what follows the prefix, which all have in common."""
    rests = {one.removeprefix(_OURS): one for one in BY_NAME}
    rest = name.upper().removeprefix(_OURS)
    close = get_close_matches(rest, rests, n=1, cutoff=_LIKENESS_OF_OURS_MIN)
    return rests[close[0]] if close else None
