"""What can go wrong for a caller of Contex. Each leaf says what to do next.

    ContexClientError
    ├── Refused               the gateway answered that the request must change
    │   ├── InvalidRequest    fields are wrong; `fields` names them all (also found before sending)
    │   ├── Unauthenticated   no key, or a wrong one
    │   ├── Forbidden         the key does not permit this
    │   ├── NotFound          no such value, revision or agent
    │   └── Conflict          it contradicts what is there
    ├── Unavailable           the gateway, or Kafka behind it, is away or full: later it may succeed
    │   └── Disconnected      no answer at all: nobody listens there, or the connection broke
    ├── Failed                the gateway broke on the request: a bug there
    ├── UnexpectedAnswer      whatever answers there does not speak like a gateway
    ├── NotFetched            a value by reference that has not been fetched yet
    └── InvalidWebhook        a webhook request that Contex did not sign, or not lately

Every error has `status`, `code`, `fields` and `request_id`, as far as there are any, and a message
that ends with the next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from contex.errors import ContexError

if TYPE_CHECKING:
    from contex.client.types import Failure, Published

__all__ = [
    "Conflict",
    "ContexClientError",
    "Disconnected",
    "Failed",
    "FieldProblem",
    "Forbidden",
    "InvalidRequest",
    "InvalidWebhook",
    "NotFetched",
    "NotFound",
    "Refused",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One offending field, in the caller's words: `data_needs[2].threshold`."""

    field: str
    message: str


class ContexClientError(ContexError):
    """Base of every error that the client raises on purpose.

    Attributes:
        detail: what went wrong.
        status: the HTTP status, or None when there was no answer.
        code: a stable word for programs.
        fields: the offending fields.
        request_id: finds the request in the gateway's log.
        next_step: what to do about it.
        answered: what `publish_many` had been answered before this, in its order.
    """

    CODE: ClassVar[str] = "error"
    NEXT_STEP: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        fields: Sequence[FieldProblem] = (),
        request_id: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.detail = detail
        self.status = status
        self.code = self.CODE if code is None else code
        self.fields = tuple(fields)
        self.request_id = request_id
        self.next_step = self.NEXT_STEP if next_step is None else next_step
        self.answered: tuple[Published | Failure, ...] = ()
        super().__init__(detail)

    def __str__(self) -> str:
        """Say what went wrong and what to do; not held, so that it survives being pickled."""
        facts = [] if self.status is None else [f"{self.status} {self.code}"]
        if self.request_id is not None:
            facts.append(f"request {self.request_id}")
        told = f"{self.detail} ({', '.join(facts)})" if facts else self.detail
        return f"{told}. {self.next_step}" if self.next_step else told


class Refused(ContexClientError):
    """The gateway answered that the request must change: repeating it cannot succeed."""

    CODE = "refused"
    NEXT_STEP = "Change the request; repeating it unchanged cannot succeed."


class InvalidRequest(Refused):
    """Something in the request is wrong; `fields` names all of it."""

    CODE = "invalid-request"
    NEXT_STEP = "Correct what is named and try again."


class Unauthenticated(Refused):
    """The gateway wants an API key, or does not know this one."""

    CODE = "unauthenticated"
    NEXT_STEP = "Give the gateway's key as api_key, or set CONTEX_API_KEY."


class Forbidden(Refused):
    """The key does not permit this."""

    CODE = "forbidden"
    NEXT_STEP = "Use a key that permits it."


class NotFound(Refused):
    """There is no such thing, or no longer."""

    CODE = "not-found"
    NEXT_STEP = "Check the name and the project."


class Conflict(Refused):
    """The request contradicts what is there."""

    CODE = "conflict"
    NEXT_STEP = "Look at what is there now, and decide anew."


class Unavailable(ContexClientError):
    """The gateway, or what it depends on, is away or full, for longer than was waited.

    Attributes:
        retry_after_s: how long the gateway asked to wait, or None.
    """

    CODE = "unavailable"
    NEXT_STEP = "Try again later: a repeat with the same idempotency_key does no harm."

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        fields: Sequence[FieldProblem] = (),
        request_id: str | None = None,
        next_step: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            detail,
            status=status,
            code=code,
            fields=fields,
            request_id=request_id,
            next_step=next_step,
        )
        self.retry_after_s = retry_after_s


class Disconnected(Unavailable):
    """No answer: nobody listens there, or the connection broke."""

    CODE = "disconnected"
    NEXT_STEP = "Check that the gateway runs at this URL (CONTEX_URL), then try again."


class Failed(ContexClientError):
    """The gateway broke on the request."""

    CODE = "internal"
    NEXT_STEP = "Report it with the request's id: the gateway's log has more."


class UnexpectedAnswer(ContexClientError):
    """What answers there does not speak like a gateway of Contex."""

    CODE = "unexpected-answer"
    NEXT_STEP = "Check that the URL (CONTEX_URL) is that of a Contex gateway."


class NotFetched(ContexClientError):
    """The value stands elsewhere and has not been fetched."""

    CODE = "not-fetched"
    NEXT_STEP = "Fetch it first: data = client.fetch(item), or await client.fetch(item)."


class InvalidWebhook(ContexClientError):
    """The request was not signed by Contex with this secret, or not lately."""

    CODE = "invalid-webhook"
    NEXT_STEP = "Answer 401 and use nothing of it; check the secret if this one should be good."
