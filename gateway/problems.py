"""What a failure looks like from outside: RFC 9457 problem details, the same shape for every one.

Decides status, wording and the offending fields, pure. Never shows anything internal: what was not
raised on purpose becomes a bare 500.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from contex.errors import CallerError, DependencyAway, LimitExceeded
from gateway.limits import UNAVAILABLE_RETRY_AFTER_S
from gateway.words import told

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:contex:problem:"

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One offending field, in the caller's words: `data_needs[2].threshold`."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure, ready to be told.

    Attributes:
        code: a stable word for programs; the problem's type is an URN that ends in it.
        extra: members beyond the standard's.
        headers: HTTP headers of the answer, such as Retry-After.
    """

    status: int
    code: str
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, *, instance: str, request_id: str) -> bytes:
        """Return the problem as JSON."""
        members: dict[str, object] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }
        if self.errors:
            members["errors"] = [
                {"field": error.field, "message": error.message} for error in self.errors
            ]
        return orjson.dumps(members)


class Refusal(Exception):
    """Raised by an operation to answer with `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def invalid(*errors: FieldError) -> Problem:
    """Return the problem of a request whose fields are wrong."""
    detail = "; ".join(
        error.message
        if error.message.startswith(error.field)
        else f"{error.field}: {error.message}"
        for error in errors
    )
    return Problem(422, "invalid-request", "The request is invalid", detail, errors=errors)


def validated(model: type[_Model], said: object) -> _Model:
    """Return `said` as what it should be.

    Raises:
        Refusal: 422, naming all that is wrong.
    """
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise Refusal(invalid(*_fields(error, model))) from error


def not_found(detail: str) -> Problem:
    """Return the problem of a thing that is not there, or not the caller's."""
    return Problem(404, "not-found", "Not found", detail)


def unauthenticated(detail: str, *, error: str | None = None) -> Problem:
    """Return the problem of a caller that has not shown who it is, with the challenge."""
    challenge = 'Bearer realm="contex"' + (f', error="{error}"' if error else "")
    headers = {"WWW-Authenticate": challenge}
    return Problem(401, "unauthenticated", "Unauthenticated", detail, headers=headers)


def key_reused() -> Problem:
    """Return the problem of an idempotency key that stands for another request already."""
    detail = "this Idempotency-Key was given with another method, path, query or body before"
    errors = (FieldError("Idempotency-Key", detail),)
    return Problem(422, "idempotency-key-reused", "Idempotency-Key reused", detail, errors)


def body_too_large(size_bytes_max: int) -> Problem:
    """Return the problem of a body that is larger than its route reads."""
    return _too_large("body", f"the body may have at most {size_bytes_max:,} bytes")


def invalid_cursor(field: str, detail: str) -> Problem:
    """Return the problem of a cursor that no feed of this agent gave."""
    errors = (FieldError(field, detail),)
    return Problem(400, "invalid-cursor", "The cursor is invalid", detail, errors)


def not_ready(checks: Mapping[str, bool]) -> Problem:
    """Return the problem of a gateway of which not every one of `checks` holds."""
    absent = ", ".join(name for name, holds in checks.items() if not holds)
    return Problem(
        503,
        "not-ready",
        "Not ready",
        f"not ready: {absent}",
        extra={"checks": checks},
        headers={"Retry-After": str(UNAVAILABLE_RETRY_AFTER_S)},
    )


def malformed(detail: str, **extra: object) -> Problem:
    """Return the problem of a body that cannot be read at all."""
    errors = (FieldError("body", detail),)
    return Problem(400, "malformed-request", "Malformed request", detail, errors, extra)


def unavailable(detail: str, *, retry_after_s: int = UNAVAILABLE_RETRY_AFTER_S) -> Problem:
    """Return the problem of a dependency that is away, or of a full house."""
    headers = {"Retry-After": str(retry_after_s)}
    return Problem(503, "unavailable", "Temporarily unavailable", detail, headers=headers)


def of_error(error: Exception) -> Problem:
    """Return the problem that `error` is answered with."""
    match error:
        case Refusal():
            return error.problem
        case ValidationError():
            return invalid(*_fields(error))
        case LimitExceeded():
            return _too_large(error.field or "body", str(error))
        case CallerError():
            return invalid(FieldError(error.field or "body", str(error)))
        case DependencyAway():
            return unavailable(
                "the log did not answer in time, so it is not known whether this was accepted:"
                " try again, a repeat does no harm"
            )
        case _:
            return of_status(500)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem of a bare HTTP status."""
    code, title, detail = _STATUSES.get(status) or _standard(status)
    if headers and "Allow" in headers:
        detail = f"{detail}, but {headers['Allow'].replace(',', ', ')}"
    errors = (FieldError("body", detail),) if status in _ABOUT_THE_BODY else ()
    return Problem(status, code, title, detail, errors=errors, headers=headers or {})


def _too_large(field: str, detail: str) -> Problem:
    return Problem(413, "too-large", "Too large", detail, errors=(FieldError(field, detail),))


_ABOUT_THE_BODY = frozenset({408, 413, 415})
_STATUSES = {
    400: ("malformed-request", "Malformed request", "the request is not legal HTTP"),
    403: ("forbidden", "Forbidden", "these credentials do not permit this"),
    404: (
        "not-found",
        "Not found",
        "there is no such route: /docs and /openapi.json tell which there are",
    ),
    405: ("method-not-allowed", "Method not allowed", "the route does not answer this method"),
    408: ("timeout", "Request timeout", "the body did not arrive in time"),
    413: ("too-large", "Too large", "the body is larger than this gateway reads"),
    415: ("unsupported-media-type", "Unsupported media type", "send application/json, unencoded"),
    500: ("internal", "Internal error", "something went wrong here; it has been logged"),
}


def _standard(status: int) -> tuple[str, str, str]:
    phrase = HTTPStatus(status).phrase
    return phrase.lower().replace(" ", "-"), phrase, phrase


def _fields(error: ValidationError, model: type[BaseModel] | None = None) -> Iterable[FieldError]:
    for location, message in told(error, model):
        yield FieldError(_path(location), message)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "body"
