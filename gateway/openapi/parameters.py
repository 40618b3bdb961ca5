"""What is asked for outside the body: path segments, query parameters and headers.

Decides how each is described. A header that is never refused has no pattern: an unreadable one is
as good as none.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from contex.records.names import DATA_KEY_BYTES_MAX
from gateway.models import AGENT, DATA_KEY_SCHEMA, NAME_SCHEMA, PROJECT
from gateway.openapi.operation import Header
from gateway.openapi.reference import ref

COMMON_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-ID": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Taken over when it is 1 to 128 characters of `A-Za-z0-9._:/+=-`.",
        "schema": {"type": "string"},
    },
    "traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "W3C trace context; travels with the record.",
        "schema": {"type": "string"},
    },
}
COMMON_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-ID": {
        "description": "The caller's id of the request, or a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=-]{1,128}$"},
    },
    "Cache-Control": {
        "description": "`no-store` unless said otherwise.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is repeated.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to prove who asks.",
        "required": True,
        "schema": {"type": "string"},
    },
}

_SEGMENT: Final = re.compile(r"\{(?P<name>\w+)(?::[^{}]+)?\}")
_SEGMENTS: Final[dict[str, dict[str, Any]]] = {
    "project_id": {
        "schema": {"type": "string", **NAME_SCHEMA},
        "description": PROJECT,
        "example": "demo",
    },
    "agent_id": {
        "schema": {"type": "string", **NAME_SCHEMA},
        "description": AGENT,
        "example": "helper",
    },
    "data_key": {
        "schema": {"type": "string", **DATA_KEY_SCHEMA},
        "description": f"At most {DATA_KEY_BYTES_MAX} bytes of UTF-8; slashes may be plain.",
        "example": "team/on-call",
    },
    "asset": {
        "schema": {"type": "string"},
        "description": "The name of a file.",
        "example": "swagger-ui.css",
    },
}


def template(path: str) -> str:
    """Return `path` as OpenAPI writes it: names without the router's patterns."""
    return _SEGMENT.sub(r"{\g<name>}", path)


def of_path(path: str) -> list[dict[str, Any]]:
    """Return the parameters that stand in `path`."""
    return [
        {"name": name, "in": "path", "required": True, **_SEGMENTS[name]}
        for name in _SEGMENT.findall(path)
    ]


def of_query(properties: dict[str, Any], required: set[str]) -> list[dict[str, Any]]:
    """Return the parameters of a query whose model has these properties."""
    return [_of_property(name, schema, name in required) for name, schema in properties.items()]


def of_headers(headers: Iterable[Header]) -> list[dict[str, Any]]:
    """Return the headers that an operation heeds, and those that every one does."""
    own = [
        {"name": one.name, "in": "header", "description": one.description, "schema": one.schema}
        for one in headers
    ]
    return [*own, *(ref("parameters", name) for name in COMMON_PARAMETERS)]


def answered(headers: Iterable[Header]) -> dict[str, Any]:
    """Return the headers of an answer, and those of every one."""
    own = {
        one.name: {
            "description": one.description,
            "required": one.required,
            "schema": one.schema,
        }
        for one in headers
    }
    return {**own, **{name: ref("headers", name) for name in ("X-Request-ID", "Cache-Control")}}


def _of_property(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    alternatives = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(alternatives) == 1:  # a query has no null: it is left out
        schema = {**schema, **alternatives[0]}
        del schema["anyOf"]
    if schema.get("default", 0) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    description = schema.get("description")
    said = {"name": name, "in": "query", "required": required}
    if description is not None:
        schema = {key: value for key, value in schema.items() if key != "description"}
        said["description"] = description
    return {**said, "schema": schema}
