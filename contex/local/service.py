"""What the supervisor is told to run, and what it tells about it. No behaviour."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contex.local.process import Command, Ready

START_TIMEOUT_S: Final = 90.0
STOP_TIMEOUT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Service:
    """A child that is to run for as long as the supervisor does."""

    name: str
    command: Command
    ready: Ready
    """Asked until it is true, after each start."""
    live: Ready | None = None
    """Asked from then on: failing too often in a row, the child is killed and started again."""
    start_timeout_s: float = START_TIMEOUT_S
    stop_timeout_s: float = STOP_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Job:
    """A command that has to end well before the next start."""

    name: str
    command: Command
    timeout_s: float = START_TIMEOUT_S


class Phase(StrEnum):
    """Where a service is in its life."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting to be restarted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """A service as it is now."""

    name: str
    phase: Phase
    pid: int
    restarts: int


class Kind(StrEnum):
    """What an event is about."""

    READY = "ready"
    ENDED = "ended"
    CRASH_LOOP = "crash loop"
    STUCK = "stuck"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell the person who watches, in `text`."""

    kind: Kind
    service: str
    text: str
    elapsed_s: float = 0.0


Report = Callable[[Event], None]
"""Called from the supervisor's thread and from those who start and stop it."""
