"""When to ask again, and what to raise otherwise. Pure: time and chance are passed in.

Decides by one rule: what may be repeated without harm is repeated, after a wait that doubles and
is random by half, never beyond the call's deadline. The gateway's own Retry-After lengthens a wait.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from contex.client import reading
from contex.client.asking import seconds, whole
from contex.client.errors import (
    Conflict,
    ContexClientError,
    Disconnected,
    Failed,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from contex.client.wire import Answer, NoAnswer, Operation, Request

TIMEOUT_S: Final = 30.0
"""What one call may take in all, repeats included, beside what the gateway was asked to wait."""
RETRIES_MAX: Final = 10
"""So many take 15 s at the least: a gateway that is restarted is back by then."""
BACKOFF_S_BASE: Final = 0.2
BACKOFF_S_MAX: Final = 5.0
RETRY_AFTER_S_MAX: Final = 60.0
"""A longer wait is the caller's to decide on: the error says how long."""
TIME_LEFT_S_MIN: Final = 0.05
"""With less time left, nothing can be answered any more."""

RETRYABLE: Final = frozenset({408, 429, 502, 503, 504})
_REFUSALS: Final[dict[int, type[Refused]]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
}
_OF_ANY_SERVER: Final = frozenset({404, 405})
"""Whatever listens there answers so: only a gateway's own words say that something is not there."""
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often one call is tried."""

    timeout_s: float = TIMEOUT_S
    retries_max: int = RETRIES_MAX

    def __post_init__(self) -> None:
        """Refuse what would be found out at the first call only.

        Raises:
            InvalidRequest: it is no time, or no number of times.
        """
        seconds(self.timeout_s, "timeout_s")
        whole(self.retries_max, "retries_max")


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, and give back what came within the time limit."""

    request: Request
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait this long.

    Attributes:
        why: what went wrong before, in words.
    """

    wait_s: float
    why: str = ""


Step = Send | Wait
Outcome = Answer | NoAnswer
Exchange = Generator[Step, Outcome | None, T]
"""Says what to do next and is sent what came of it: an outcome after `Send`, None after `Wait`."""


def exchange(
    operation: Operation[T],
    limits: Limits,
    clock_s: Callable[[], float],
    chance: Callable[[], float],
) -> Exchange[T]:
    """Carry out an operation, step by step; return what its answer means.

    Args:
        operation: what to carry out.
        limits: how long and how often.
        clock_s: a monotonic clock.
        chance: a random number of [0, 1).

    Raises:
        ContexClientError: whatever came of it in the end.
    """
    request = operation.request
    deadline_s = clock_s() + limits.timeout_s + request.wait_s
    failures = 0
    while True:
        outcome = yield Send(request, max(deadline_s - clock_s(), TIME_LEFT_S_MIN))
        assert outcome is not None, "what is sent has an outcome"
        if isinstance(outcome, Answer) and is_done(request, outcome, failures):
            return operation.read(outcome)
        wait_s = backoff_s(failures, outcome, chance())
        failures += 1
        left_s = deadline_s - clock_s() - TIME_LEFT_S_MIN
        if (
            not may_repeat(request, outcome)
            or failures > limits.retries_max
            or wait_s > min(left_s, RETRY_AFTER_S_MAX)
        ):
            raise error_of(outcome)
        yield Wait(wait_s)


def is_done(request: Request, answer: Answer, failures: int) -> bool:
    """Say whether a request has done what it should.

    To end what is not there is an error at first; after a try that failed it is none, since that
    one may have ended it.
    """
    if request.ends and failures and isinstance(error_of(answer), NotFound):
        return True
    return _OK <= answer.status < _REDIRECT


def may_repeat(request: Request, outcome: Outcome) -> bool:
    """Say whether sending the request again may help, and does no harm."""
    passing = isinstance(outcome, NoAnswer) or outcome.status in RETRYABLE
    return passing and request.repeatable


def backoff_s(failures: int, outcome: Outcome, chance: float) -> float:
    """Return how long to wait after so many earlier failures, from Retry-After on.

    Half of it is sure, so that the tries span a restart; half is random, so that callers part.
    """
    whole_s = min(BACKOFF_S_MAX, BACKOFF_S_BASE * 2.0 ** min(failures, 16))
    wait_s = (1.0 + chance) / 2.0 * whole_s
    asked_s = retry_after_s(outcome) if isinstance(outcome, Answer) else None
    return wait_s if asked_s is None else asked_s + wait_s


def retry_after_s(answer: Answer) -> float | None:
    """Return what Retry-After asks for, in seconds or up to a date; None if there is none."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return max(0.0, (_aware(then) - _aware(now)).total_seconds())


def error_of(outcome: Outcome) -> ContexClientError:
    """Return the error that an outcome is raised as."""
    if isinstance(outcome, NoAnswer):
        return Disconnected(outcome.reason)
    status = outcome.status
    if status < _CLIENT_ERROR:
        target = outcome.headers.get("location", "elsewhere")
        return UnexpectedAnswer(f"redirected to {target[:200]}", status=status)
    try:
        members = reading.Members(json.loads(outcome.body), "a problem")
    except (ValueError, RecursionError, UnexpectedAnswer):
        members = reading.Members({}, "a problem")
    code = members.text_or_none("code")
    detail = members.text_or_none("detail") or f"the answer was {status}, without a reason"
    fields = reading.fields(members)
    request_id = members.text_or_none("request_id") or outcome.headers.get("x-request-id")
    if status in RETRYABLE:
        return Unavailable(
            detail,
            status=status,
            code=code,
            fields=fields,
            request_id=request_id,
            retry_after_s=retry_after_s(outcome),
        )
    if code is None and status in _OF_ANY_SERVER:
        return UnexpectedAnswer(detail, status=status, code=UnexpectedAnswer.CODE)
    kind = _REFUSALS.get(status, Refused if status < _SERVER_ERROR else Failed)
    return kind(detail, status=status, code=code, fields=fields, request_id=request_id)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
