"""The codes of all problems: the stable words that programs tell failures apart by.

Decides code, status and when it is answered; the wording of one failure is the problem's own. A
code is never renamed: a new failure gets a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Code(StrEnum):
    """The last part of a problem's type."""

    MALFORMED_REQUEST = "malformed-request"
    INVALID_CURSOR = "invalid-cursor"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    INVALID_REQUEST = "invalid-request"
    IDEMPOTENCY_KEY_REUSED = "idempotency-key-reused"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    NOT_READY = "not-ready"


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a code stands for."""

    status: int
    when: str


MEANINGS: Final[Mapping[Code, CodeMeaning]] = MappingProxyType({
    Code.MALFORMED_REQUEST: CodeMeaning(400, "the body is not JSON, or the request not HTTP"),
    Code.INVALID_CURSOR: CodeMeaning(400, "the cursor is none that this agent's feed gave"),
    Code.UNAUTHENTICATED: CodeMeaning(401, "the API key is missing or wrong"),
    Code.FORBIDDEN: CodeMeaning(403, "these credentials do not permit this"),
    Code.NOT_FOUND: CodeMeaning(404, "it is not there, or not the caller's"),
    Code.METHOD_NOT_ALLOWED: CodeMeaning(405, "the route does not answer this method"),
    Code.TIMEOUT: CodeMeaning(408, "the body did not arrive in time"),
    Code.TOO_LARGE: CodeMeaning(413, "the body or the value is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: CodeMeaning(415, "the body is not declared as JSON in UTF-8"),
    Code.INVALID_REQUEST: CodeMeaning(422, "fields are wrong: all of them are named"),
    Code.IDEMPOTENCY_KEY_REUSED: CodeMeaning(
        422, "the Idempotency-Key was given with another method, path, query or body before"
    ),
    Code.INTERNAL: CodeMeaning(500, "a bug of the gateway; its log has the request's id"),
    Code.UNAVAILABLE: CodeMeaning(503, "a dependency is away, or the gateway starting or full"),
    Code.NOT_READY: CodeMeaning(503, "the gateway is not ready; `checks` says why"),
})  # fmt: skip
