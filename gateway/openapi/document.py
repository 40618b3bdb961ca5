"""The OpenAPI 3.1 document, made from the table of routes: nothing is said twice.

Decides how operations become paths, and what stands above them. Never serves anything.
"""

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final, Protocol

from gateway.codes import Code
from gateway.identity import Permission
from gateway.openapi import parameters
from gateway.openapi.operation import (
    ANY_BYTES,
    EVENT_STREAM,
    JSON,
    OCTETS,
    Answer,
    Operation,
    Tag,
)
from gateway.openapi.problem import ProblemResponses
from gateway.openapi.schemas import Schemas

OPENAPI: Final = "3.1.0"
DISTRIBUTION: Final = "contex-stream"
COMMON_PROBLEMS: Final = (Code.UNAUTHENTICATED, Code.UNAVAILABLE)
"""What every private route may answer: no key, and a gateway that is starting, full or cut off."""

_DESCRIPTION: Final = """\
Contex routes versioned values to the agents that need them, by meaning.

A `202` means that Kafka has acknowledged it on all in-sync replicas. Every failure is a problem \
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a `code` for programs; beside those that \
are listed, `internal` (500) is a bug of the gateway and `method-not-allowed` (405) a wrong method.
An unknown field or parameter is an error, and so is a parameter given twice."""
_UNMODELLED: Final[dict[str, dict[str, Any]]] = {
    JSON: {"schema": {"type": "object"}},
    OCTETS: {"schema": {"type": "string", "format": "binary"}},
    ANY_BYTES: {},
}
_TEXT: Final = {"schema": {"type": "string"}}
"""What a body without a model is, if it is not listed above."""
_TAGS: Final = {
    Tag.VALUES: "Versions of values: publish, read, list, query, delete.",
    Tag.AGENTS: "Agents, what they need and how they are told.",
    Tag.UPDATES: "What one agent is told, as it happens.",
    Tag.OPERATING: "Health, metrics and this description.",
}
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key of the gateway."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class Described(Protocol):
    """A route, as far as the document is concerned."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The router's path."""
        ...

    @property
    def permission(self) -> Permission:
        """What it asks for."""
        ...

    @property
    def about(self) -> Operation:
        """What it says of itself."""
        ...


def document(routes: Iterable[Described], *, key_required: bool = False) -> dict[str, Any]:
    """Return the document of `routes`.

    Args:
        routes: those that are described.
        key_required: whether this gateway has an API key set; it is optional otherwise.
    """
    rows = tuple(routes)
    schemas = Schemas(row.about for row in rows)
    problems = ProblemResponses()
    paths: dict[str, Any] = {}
    for row in rows:
        path = paths.setdefault(parameters.template(row.path), {})
        path[row.method.lower()] = _operation(row, schemas, problems)
    security: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Contex",
            "version": version(DISTRIBUTION),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag.value, "description": _TAGS[tag]} for tag in Tag],
        "security": security if key_required else [*security, {}],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "parameters": parameters.COMMON_PARAMETERS,
            "headers": parameters.COMMON_HEADERS,
            "responses": dict(sorted(problems.components.items())),
            "securitySchemes": _SCHEMES,
        },
    }


def render(described: dict[str, Any]) -> str:
    """Return the document as a file has it."""
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def problems_of(route: Described) -> frozenset[Code]:
    """Return every code that `route` may answer with."""
    public = route.permission is Permission.PUBLIC
    return frozenset(route.about.problems) | (frozenset() if public else frozenset(COMMON_PROBLEMS))


def _operation(route: Described, schemas: Schemas, problems: ProblemResponses) -> dict[str, Any]:
    about = route.about
    said: dict[str, Any] = {"operationId": about.name, "tags": [about.tag.value]}
    said["summary"] = about.summary
    if about.description:
        said["description"] = about.description
    asked = parameters.of_path(route.path)
    if about.query is not None:
        asked += parameters.of_query(*schemas.properties(about.query))
    said["parameters"] = asked + parameters.of_headers(about.reads)
    if about.body is not None:
        said["requestBody"] = {
            "required": True,
            "content": {
                JSON: {
                    "schema": schemas.reference(about.body, "validation"),
                    **_examples(about.examples),
                }
            },
        }
    said["responses"] = {
        **{str(status): _response(answer, schemas) for status, answer in about.answers.items()},
        **problems.of(problems_of(route)),
    }
    if route.permission is Permission.PUBLIC:
        said["security"] = []
    return said


def _response(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": answer.description,
        "headers": parameters.answered(answer.headers),
    }
    content = {media_type: _body(media_type, answer, schemas) for media_type in answer.content}
    if content:
        first = next(iter(content.values()))
        first.update(_examples(answer.examples))
        said["content"] = content
    return said


def _body(media_type: str, answer: Answer, schemas: Schemas) -> dict[str, Any]:
    """Return what a body of this type is; of a stream, what one item of it is."""
    model = answer.content[media_type]
    if model is None:
        return dict(_UNMODELLED.get(media_type, _TEXT))
    schema = schemas.reference(model, "serialization")
    return {"schema": _event(schema) if media_type == EVENT_STREAM else schema}


def _event(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what one event of a stream is: before OpenAPI 3.2 a stream's schema is its events'."""
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": schema}
    return {
        "type": "object",
        "required": ["event", "id", "data"],
        "properties": {
            "event": {"type": "string", "description": "The kind: what follows `context.`."},
            "id": {"type": "string", "description": "The cursor of the next update."},
            "data": data,
        },
    }


def _examples(examples: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON by name
    named = {name: {"value": value} for name, value in examples.items()}
    return {"examples": named} if named else {}
