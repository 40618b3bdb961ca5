"""The form of every failure, as the document describes it, and the answers made of it.

Decides how codes become responses by status. `gateway.problems` writes the failures themselves.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gateway.codes import MEANINGS, Code
from gateway.limits import BODY_BYTES_MAX
from gateway.openapi.reference import ref
from gateway.problems import (
    CONTENT_TYPE,
    TYPE_PREFIX,
    FieldError,
    Problem,
    body_too_large,
    invalid,
    invalid_cursor,
    key_reused,
    malformed,
    not_found,
    not_ready,
    of_status,
    unauthenticated,
    unavailable,
)

_RETRIED: Final = 503
_UNPROVED: Final = 401
_INSTANCE: Final = "/api/v1/agents/helper"
_REQUEST_ID: Final = "b1876ef5a7d444708cc4baadc0fdbae5"

EXAMPLES: Final[Mapping[Code, Problem]] = MappingProxyType({
    Code.MALFORMED_REQUEST: malformed(
        "the body is not JSON: Expecting value at line 3 column 12", line=3, column=12
    ),
    Code.INVALID_CURSOR: invalid_cursor("cursor", "cursor lies beyond the end of the feed"),
    Code.UNAUTHENTICATED: unauthenticated("this is not the API key"),
    Code.FORBIDDEN: of_status(403),
    Code.NOT_FOUND: not_found("there is no agent 'helper'"),
    Code.METHOD_NOT_ALLOWED: of_status(405, {"Allow": "GET"}),
    Code.TIMEOUT: of_status(408),
    Code.TOO_LARGE: body_too_large(BODY_BYTES_MAX),
    Code.UNSUPPORTED_MEDIA_TYPE: of_status(415),
    Code.INVALID_REQUEST: invalid(FieldError("data_needs[0].threshold", "must be at most 1")),
    Code.IDEMPOTENCY_KEY_REUSED: key_reused(),
    Code.INTERNAL: of_status(500),
    Code.UNAVAILABLE: unavailable("this gateway is starting"),
    Code.NOT_READY: not_ready({"started": True, "kafka": False}),
})  # fmt: skip
"""What each code looks like: made as the failures themselves are, so that no example lies."""


class OffendingField(BaseModel):
    """One offending field, in the caller's words."""

    field: str = Field(
        description="Where: a field, a parameter or a header.",
        examples=["data_needs[0].threshold"],
    )
    message: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """A failure, as RFC 9457 has it. There may be more members than these.

    Which codes an operation may answer with stands in the words of its responses.
    """

    model_config = ConfigDict(extra="allow")

    type: str = Field(pattern=f"^{TYPE_PREFIX}[a-z-]+$", description="The code, as a URN.")
    title: str = Field(description="The code, in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What is wrong, for people.")
    instance: str = Field(
        description="The path that was asked for.", json_schema_extra={"format": "uri-reference"}
    )
    code: str = Field(description="For programs: the last part of the type.")
    request_id: str = Field(description="What `X-Request-ID` says.")
    errors: list[OffendingField] = Field([], description="Every field that is wrong.")


class ProblemResponses:
    """The responses of all problems; operations that share one refer to the same component."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, codes: Iterable[Code]) -> dict[str, Any]:
        """Return references to the responses that `codes` are answered with, by status."""
        ordered = sorted(set(codes), key=lambda code: (MEANINGS[code].status, code))
        by_status = groupby(ordered, key=lambda code: MEANINGS[code].status)
        return {str(status): self._reference(status, list(some)) for status, some in by_status}

    def _reference(self, status: int, codes: list[Code]) -> dict[str, Any]:
        name = f"{status}-{'-or-'.join(codes)}"
        self.components.setdefault(name, _response(status, codes))
        return ref("responses", name)


def _response(status: int, codes: list[Code]) -> dict[str, Any]:
    headers = {"X-Request-ID": ref("headers", "X-Request-ID")}
    if status == _RETRIED:
        headers["Retry-After"] = ref("headers", "Retry-After")
    if status == _UNPROVED:
        headers["WWW-Authenticate"] = ref("headers", "WWW-Authenticate")
    return {
        "description": "\n".join(f"`{code}`: {MEANINGS[code].when}." for code in codes),
        "headers": headers,
        "content": {
            CONTENT_TYPE: {
                # One form for all: were the codes of each response said in its schema, generated
                # clients would have hundreds of classes of failures, or leave them out.
                "schema": ref("schemas", ProblemDetails.__name__),
                "examples": {code.value: {"value": _example(code)} for code in codes},
            }
        },
    }


def _example(code: Code) -> dict[str, Any]:
    body = EXAMPLES[code].body(instance=_INSTANCE, request_id=_REQUEST_ID)
    said: dict[str, Any] = orjson.loads(body)
    return said
