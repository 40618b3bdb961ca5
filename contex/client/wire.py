"""What is sent and what comes back, and a call as the pair of both. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

API = "/api/v1"
KEY_HEADER = "Idempotency-Key"

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back.

    Attributes:
        reason: why, in words.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent.

    Attributes:
        params: of the query string; None is left out.
        reads: whether it changes nothing, whatever its method.
        ends: whether it ends something, which is then no longer found.
        wait_s: how long the gateway was asked to wait before it answers.
    """

    method: str
    path: str
    params: Mapping[str, str | int | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    reads: bool = False
    ends: bool = False
    wait_s: float = 0.0

    @property
    def repeatable(self) -> bool:
        """Whether sending it again does no harm: it reads, or it carries an idempotency key."""
        return self.reads or KEY_HEADER in self.headers


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """A request and what its answer means."""

    request: Request
    read: Callable[[Answer], T_co]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing, and where the next part begins."""

    found: Sequence[T]
    next_cursor: str | None
