"""The catalogue of canonical log lines: one per request, per routed record, per webhook try.

Decides their names and fields, from which the reference page and the JSON Schema come. Pure data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

HTTP_REQUEST = "http.request"
ROUTED = "routed"
WEBHOOK = "webhook"

NAME_CHARACTERS_MAX = 512
"""Anybody may name anything; a line tells no more of it than the longest legal name has."""

Type = Literal["string", "integer", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line; an optional one is left out, or null, where there is nothing to say."""

    name: str
    type: Type
    about: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Canonical:
    """One kind of line."""

    event: str
    when: str
    fields: tuple[Field, ...]


_TENANT = Field("tenant", "string", "whose it is", optional=True)
_PROJECT = Field("project", "string", "in which project", optional=True)
_KEY = Field("key", "string", "the value's data key", optional=True)
_AGENT = Field("agent", "string", "the agent's id", optional=True)
_REVISION = Field("revision", "integer", "of the value: its offset in the log", optional=True)
_EPOCH = Field("epoch", "integer", "of the agent: its registration's offset", optional=True)
_TRACE_ID = Field("trace_id", "string", "of the W3C trace: 32 hexadecimal digits", optional=True)
_EMBED = Field("embed_ms", "number", "time spent on embedding, waits included", optional=True)
_INDEX = Field("index_ms", "number", "time spent on calls to the index", optional=True)
_PRODUCE = Field("produce_ms", "number", "time until Kafka acknowledged", optional=True)

COMMON = (
    Field("time", "string", "RFC 3339, in UTC"),
    Field("level", "string", "debug, info, warning, error or critical"),
    Field("service", "string", "gateway, routing or webhooks"),
    Field("logger", "string", "the module that speaks"),
    Field("event", "string", "what happened"),
)
"""The fields of every line, canonical or not."""

LINES = (
    Canonical(
        HTTP_REQUEST,
        "The gateway answered a request, or the caller left; a stream's line comes at its end.",
        (
            Field("request_id", "string", "the answer's X-Request-ID"),
            Field("method", "string", "of the request"),
            Field("route", "string", "the route's template"),
            Field("status", "integer", "of the answer; 499 when the caller left before it"),
            Field("outcome", "string", "answered, refused (4xx), failed (5xx) or left"),
            Field("problem", "string", "the code of the problem in the answer", optional=True),
            Field("remote", "string", "the caller's address", optional=True),
            Field("request_size_bytes", "integer", "of the body"),
            Field("response_size_bytes", "integer", "of the body"),
            *(_TENANT, _PROJECT, _KEY, _AGENT, _REVISION, _EPOCH, _TRACE_ID),
            *(_EMBED, _INDEX, _PRODUCE),
            Field(
                "duration_ms", "number", "until the answer was ready; a stream's, until it ended"
            ),
        ),
    ),
    Canonical(
        ROUTED,
        "A routing worker finished a publication (key, revision) or a registration (agent, epoch).",
        (
            Field("topic", "string", "where the record stands"),
            Field("partition", "integer", "where the record stands"),
            Field(
                "outcome",
                "string",
                "routed, stale, done, unchanged, superseded or dead_lettered",
            ),
            Field("error", "string", "why it was dead-lettered", optional=True),
            *(
                Field(f"told_{kind}", "integer", f"agents that were told {kind}", optional=True)
                for kind in ("initial", "matched", "updated", "retracted", "deleted")
            ),
            *(_TENANT, _PROJECT, _KEY, _AGENT, _REVISION, _EPOCH, _TRACE_ID),
            Field("batch_records", "integer", "records routed together; the times are the batch's"),
            *(_EMBED, _INDEX, _PRODUCE),
            Field("duration_ms", "number", "of the batch"),
        ),
    ),
    Canonical(
        WEBHOOK,
        "A webhook worker tried to deliver an update.",
        (
            Field("update_id", "string", "the webhook-id, the same on every try"),
            Field("kind", "string", "of the update"),
            Field("attempt", "integer", "1 for the first try"),
            Field("outcome", "string", "succeeded, retrying or dead"),
            Field("fault", "string", "none, endpoint, network or ours"),
            Field("result", "string", "what the endpoint answered, in words"),
            *(_TENANT, _PROJECT, _KEY, _AGENT, _REVISION, _EPOCH, _TRACE_ID),
            Field("latency_ms", "number", "of the request"),
            _PRODUCE,
            Field("duration_ms", "number", "from the first look at the record until all is noted"),
        ),
    ),
)
"""All of them. Any other line has the common fields, and others that are told as they come."""


def schema() -> dict[str, object]:
    """Return the JSON Schema of a line of the JSON format."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A log line of Contex",
        **_object(COMMON),
        "allOf": [
            {
                "if": {"properties": {"event": {"const": line.event}}},
                "then": {
                    **_object((*COMMON, *line.fields)),
                    "additionalProperties": False,
                },
            }
            for line in LINES
        ],
    }


def _object(fields: Sequence[Field]) -> Mapping[str, object]:
    return {
        "type": "object",
        "required": [field.name for field in fields if not field.optional],
        "properties": {
            field.name: {"type": [field.type, "null"] if field.optional else field.type}
            for field in fields
        },
    }
