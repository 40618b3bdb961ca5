"""What the routes of values say of themselves."""

from typing import Final

from gateway.about.headers import (
    ETAG,
    IDEMPOTENCY_KEY,
    IDEMPOTENCY_REPLAYED,
    IF_NONE_MATCH,
    PREFER_WAIT,
    PREFERENCE_APPLIED,
)
from gateway.answers import Accepted, AcceptedAndRouted
from gateway.codes import Code
from gateway.models import PublishRequest, ValueQuery
from gateway.openapi.operation import ANY_BYTES, OCTETS, Answer, Header, Operation, Tag

BODY_PROBLEMS: Final = (
    Code.MALFORMED_REQUEST,
    Code.TIMEOUT,
    Code.TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.INVALID_REQUEST,
)
"""What every operation may answer that reads a JSON body."""
WRITE_READS: Final = (IDEMPOTENCY_KEY, PREFER_WAIT)
WRITE_HEADERS: Final = (IDEMPOTENCY_REPLAYED, PREFERENCE_APPLIED)

_ACCEPTED: Final = {
    "status": "published",
    "project_id": "demo",
    "data_key": "team/on-call",
    "sequence": "7",
    "revision": 7,
    "event_id": "6f1c0a9e-6a51-4d3b-9b5a-6d2f4f2f8f10",
}

_ROUTED: Final = {
    **_ACCEPTED,
    "outcome": "routed",
    "agents_told": 2,
    "told": {"matched": 1, "updated": 1, "retracted": 0, "deleted": 0},
}
_ROUTED_ANSWER: Final = Answer.of(
    AcceptedAndRouted,
    "It was waited for, and every agent concerned has been told.",
    headers=WRITE_HEADERS,
    examples={"routed": _ROUTED},
)

PUBLISH: Final = Operation(
    name="publishValue",
    summary="Publish a value",
    description="Replaces the whole value. Publishing it again unchanged tells nobody.",
    tag=Tag.VALUES,
    body=PublishRequest,
    reads=WRITE_READS,
    answers={
        200: _ROUTED_ANSWER,
        202: Answer.of(
            Accepted,
            "Kafka has it on all in-sync replicas; matching follows.",
            headers=WRITE_HEADERS,
            examples={"published": _ACCEPTED},
        ),
    },
    problems=(*BODY_PROBLEMS, Code.IDEMPOTENCY_KEY_REUSED),
    examples={
        "text": {
            "project_id": "demo",
            "data_key": "team/on-call",
            "data": "pager: alice\nbackup: bob\n",
            "data_format": "yaml",
            "event_type": "roster.changed",
            "metadata": {"source": "wiki"},
        },
        "json": {"project_id": "demo", "data_key": "tech_stack", "data": {"cache": "Valkey"}},
    },
)

READ: Final = Operation(
    name="readValue",
    summary="Read a value",
    description="The very bytes that were published, with the content type they were given: of one"
    " revision, or of the newest that was routed when none is said.",
    tag=Tag.VALUES,
    query=ValueQuery,
    reads=(IF_NONE_MATCH,),
    answers={
        200: Answer(
            "The value's bytes.",
            {OCTETS: None, ANY_BYTES: None},
            headers=(
                ETAG,
                Header("Content-Disposition", "An attachment of the key's name.", required=True),
                Header("Content-Security-Policy", "A sandbox: no page.", required=True),
            ),
        ),
        304: Answer("The caller has it already.", headers=(ETAG,)),
    },
    problems=(Code.NOT_FOUND, Code.INVALID_REQUEST, Code.UNAVAILABLE),
)

DELETE: Final = Operation(
    name="deleteValue",
    summary="Delete a value",
    description="Accepted whether or not the value existed.",
    tag=Tag.VALUES,
    reads=WRITE_READS,
    answers={
        200: _ROUTED_ANSWER,
        202: Answer.of(
            Accepted,
            "Kafka has the tombstone on all in-sync replicas.",
            headers=WRITE_HEADERS,
            examples={
                "deleted": {**_ACCEPTED, "status": "deleted", "sequence": "8", "revision": 8}
            },
        ),
    },
    problems=(Code.INVALID_REQUEST, Code.IDEMPOTENCY_KEY_REUSED),
)
