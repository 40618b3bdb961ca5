"""What the routes of values say of themselves."""

from typing import Final

from gateway.about.headers import ETAG
from gateway.answers import Accepted
from gateway.codes import Code
from gateway.models import PublishRequest, ValueQuery
from gateway.openapi.operation import ANY_BYTES, Answer, Header, Operation, Tag

BODY_PROBLEMS: Final = (
    Code.MALFORMED_REQUEST,
    Code.TIMEOUT,
    Code.TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.INVALID_REQUEST,
)
"""What every operation may answer that reads a JSON body."""

_ACCEPTED: Final = {
    "status": "published",
    "project_id": "demo",
    "data_key": "team/oncall",
    "sequence": "7",
    "revision": 7,
    "event_id": "6f1c0a9e-6a51-4d3b-9b5a-6d2f4f2f8f10",
}

PUBLISH: Final = Operation(
    name="publishValue",
    summary="Publish a value",
    description="Replaces the whole value. Publishing it again unchanged tells nobody.",
    tag=Tag.VALUES,
    body=PublishRequest,
    answers={
        202: Answer.of(
            Accepted,
            "Kafka has it on all in-sync replicas; matching follows.",
            examples={"published": _ACCEPTED},
        )
    },
    problems=BODY_PROBLEMS,
    examples={
        "text": {
            "project_id": "demo",
            "data_key": "team/oncall",
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
    summary="Read one revision of a value",
    description="The very bytes that were published, with the content type they were given.",
    tag=Tag.VALUES,
    query=ValueQuery,
    answers={
        200: Answer(
            "The value's bytes.",
            {ANY_BYTES: None},
            headers=(
                ETAG,
                Header("Content-Disposition", "An attachment of the key's name.", required=True),
                Header("Content-Security-Policy", "A sandbox: no page.", required=True),
            ),
        )
    },
    problems=(Code.NOT_FOUND, Code.INVALID_REQUEST),
)

DELETE: Final = Operation(
    name="deleteValue",
    summary="Delete a value",
    description="Accepted whether or not the value existed.",
    tag=Tag.VALUES,
    answers={
        202: Answer.of(
            Accepted,
            "Kafka has the tombstone on all in-sync replicas.",
            examples={
                "deleted": {**_ACCEPTED, "status": "deleted", "sequence": "8", "revision": 8}
            },
        )
    },
    problems=(Code.INVALID_REQUEST,),
)
