"""What follows from one try: the delivery's state machine, as types.

    pending ── 2xx ───────────────────────────────▶ Succeeded
       │ ▲
       │ └──────── the lane's delay ──── Retry ◀─── any other failure, while tries are left
       ├── 410 ───────────────────────────────────▶ Disabled   the endpoint wants no more
       ├── an address that can never be called ───▶ Dead
       └── any failure of the last try ───────────▶ Dead

Rules of the file: every step is decided here; nothing here knows Kafka, HTTP or the clock. A
redirect is a failure like any other, so that a signed update never goes where its owner did not
send it. `Retry-After` can only lengthen a wait: were it to shorten one, an overloaded endpoint
could burn all its tries within minutes.
"""

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from contex.records.attempt import Fault, Outcome

GONE = 410
MAY_NAME_ITS_WAIT = frozenset({429, 503})
ATTEMPTS_MAX = 16
RETRY_AFTER_CHARACTERS_MAX = 64
_NO_DATE = (ValueError, OverflowError, TypeError, IndexError, AttributeError)
"""All that the library's parser of dates has raised for what is none, from version to version."""
_SECONDS = re.compile(r"[0-9]{1,9}")


class Failure(StrEnum):
    """Why there was no answer."""

    ADDRESS_INVALID = "address_invalid"  # the URL cannot be called at all
    ADDRESS_REFUSED = "address_refused"  # it leads where webhooks may not go
    NAME_UNRESOLVED = "name_unresolved"  # its host has no address
    UNREACHABLE = "unreachable"  # no connection, or not in time
    TLS = "tls"  # the certificate or the handshake
    DISCONNECTED = "disconnected"  # the connection broke before the answer was read
    TIMEOUT = "timeout"  # no answer in time
    PROTOCOL = "protocol"  # the answer is not HTTP, or beyond the limits on its head
    LOCAL = "local"  # this process lacks what it needs to call anybody


_FAULTS = {
    Failure.ADDRESS_INVALID: Fault.ENDPOINT,
    Failure.ADDRESS_REFUSED: Fault.ENDPOINT,
    Failure.NAME_UNRESOLVED: Fault.NETWORK,
    Failure.UNREACHABLE: Fault.NETWORK,
    Failure.TLS: Fault.ENDPOINT,
    Failure.DISCONNECTED: Fault.NETWORK,
    Failure.TIMEOUT: Fault.NETWORK,
    Failure.PROTOCOL: Fault.ENDPOINT,
    Failure.LOCAL: Fault.OURS,
}


@dataclass(frozen=True, slots=True)
class Answered:
    """The endpoint answered.

    Attributes:
        status: the HTTP status.
        retry_after: the header of that name as it was sent, or None.
        excerpt: the beginning of the body, as text.
    """

    status: int
    retry_after: str | None = None
    excerpt: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the endpoint took the update: 2xx and nothing else."""
        return 200 <= self.status <= 299  # noqa: PLR2004 - the class of success, as RFC 9110 has it

    @property
    def words(self) -> str:
        """What happened, for people."""
        return f"the endpoint answered {self.status}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """There was no answer.

    Attributes:
        failure: why.
        detail: more about it, safe to show the endpoint's owner: never an address.
    """

    failure: Failure
    detail: str = ""

    @property
    def words(self) -> str:
        """What happened, for people."""
        return f"{self.failure}: {self.detail}" if self.detail else str(self.failure)


Result = Answered | Unanswered


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to try again.

    Attributes:
        lanes_s: the delays there are, in seconds, ascending; the last one repeats.
        attempts_max: tries in all, the first included.
    """

    lanes_s: tuple[int, ...]
    attempts_max: int = ATTEMPTS_MAX

    def __post_init__(self) -> None:
        if not self.lanes_s or list(self.lanes_s) != sorted(set(self.lanes_s)):
            raise ValueError(f"lanes must be ascending and at least one, got {self.lanes_s}")
        if self.lanes_s[0] <= 0 or self.attempts_max < 1:
            raise ValueError("a lane waits at least a second, and there is at least one attempt")

    def lane_s(self, attempt: int, retry_after_s: float | None) -> int:
        """Return the lane after a failed `attempt`: the schedule's, or longer if asked for.

        A wish beyond the longest lane is granted that lane.
        """
        planned = self.lanes_s[min(attempt, len(self.lanes_s)) - 1]
        wished = max(planned, retry_after_s or 0)
        return next((lane for lane in self.lanes_s if lane >= wished), self.lanes_s[-1])


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The endpoint has the update; nothing follows."""

    outcome = Outcome.SUCCEEDED
    fault: Fault = Fault.NONE


@dataclass(frozen=True, slots=True)
class Retry:
    """The update waits in the lane of `delay_s` for the try numbered `attempt`."""

    attempt: int
    delay_s: int
    fault: Fault

    outcome = Outcome.RETRYING


@dataclass(frozen=True, slots=True)
class Dead:
    """Given up: to the dead-letter topic, which says `reason`."""

    reason: str
    fault: Fault

    outcome = Outcome.DEAD


@dataclass(frozen=True, slots=True)
class Disabled:
    """The endpoint says it is gone for good: to the dead-letter topic, which says `reason`."""

    reason: str
    fault: Fault

    outcome = Outcome.DEAD


Step = Succeeded | Retry | Dead | Disabled


def next_step(attempt: int, result: Result, schedule: Schedule, now_s: float) -> Step:
    """Decide what follows from the `attempt`-th try (1 is the first), which ended at `now_s`."""
    if isinstance(result, Answered) and result.accepted:
        return Succeeded()
    fault = fault_of(result)
    if isinstance(result, Answered) and result.status == GONE:
        return Disabled(f"disabled: {result.words} (Gone) to attempt {attempt}", fault)
    if isinstance(result, Unanswered) and result.failure is Failure.ADDRESS_INVALID:
        return Dead(f"attempt {attempt} cannot be made: {result.words}", fault)
    if attempt >= schedule.attempts_max:
        attempts = "1 attempt" if attempt == 1 else f"{attempt} attempts"
        return Dead(f"gave up after {attempts}; the last one: {result.words}", fault)
    return Retry(attempt + 1, schedule.lane_s(attempt, _wish_s(result, now_s)), fault)


def fault_of(result: Result) -> Fault:
    """Say whose fault a failed try was; `Fault.NONE` for one that succeeded."""
    if isinstance(result, Unanswered):
        return _FAULTS[result.failure]
    return Fault.NONE if result.accepted else Fault.ENDPOINT


def retry_after_s(header: str, now_s: float) -> float | None:
    """Read a `Retry-After` header: seconds, or an HTTP date; None if it is neither."""
    text = header.strip()
    if len(text) > RETRY_AFTER_CHARACTERS_MAX:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now_s)
    except _NO_DATE:
        return None


def _wish_s(result: Result, now_s: float) -> float | None:
    if isinstance(result, Unanswered) or result.status not in MAY_NAME_ITS_WAIT:
        return None
    return None if result.retry_after is None else retry_after_s(result.retry_after, now_s)
