"""How the routing of one record ended. Exactly one outcome per record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contex.errors import CallerError
from contex.records.update import UpdateKind


class Skip(StrEnum):
    """Why nothing had to be told."""

    STALE = "stale"  # a newer revision or epoch counts already
    DONE = "done"  # a redelivery of what was completed
    UNCHANGED = "unchanged"  # the same content as the revision that counts
    SUPERSEDED = "superseded"  # a newer one took over while this was routed


@dataclass(frozen=True, slots=True)
class Routed:
    """Every agent concerned was told; `told` counts updates by kind."""

    told: Mapping[UpdateKind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing had to be told."""

    why: Skip


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record is at fault: it belongs in the dead-letter topic."""

    error: CallerError


Outcome = Routed | Skipped | Rejected
