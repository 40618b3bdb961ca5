"""What a route says of itself: the words, models, headers and problems of one operation.

Decides the shape of that description alone; `document` turns it into OpenAPI. The models are those
that the handlers read requests with and build answers from, so the description cannot lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel

from gateway.codes import Code

JSON: Final = "application/json"
ANY_BYTES: Final = "*/*"
OCTETS: Final = "application/octet-stream"
"""Bytes by a name that generated clients know; beside ANY_BYTES, as they may have any type."""
EVENT_STREAM: Final = "text/event-stream"
NDJSON: Final = "application/x-ndjson"


class Tag(StrEnum):
    """Under which heading an operation stands."""

    VALUES = "values"
    AGENTS = "agents"
    UPDATES = "updates"
    OPERATING = "operating"


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a request or an answer.

    Attributes:
        schema: JSON Schema of its text.
        required: of an answer: whether every answer of the status has it.
    """

    name: str
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one status means.

    Attributes:
        content: the model of the body by media type; None for bytes or text of any kind. Of an
            event stream, the model is that of an event's `data`; of NDJSON, that of a line.
        headers: beyond those of every answer.
        examples: bodies by name, of the first media type.
    """

    description: str
    content: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    examples: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: type[BaseModel],
        description: str,
        *,
        headers: tuple[Header, ...] = (),
        examples: Mapping[str, object] | None = None,
    ) -> Self:
        """Return an answer in JSON."""
        return cls(description, {JSON: model}, headers, examples or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route, described.

    Attributes:
        name: the operation's id, in lowerCamelCase: generated clients call their methods so.
        description: beyond the summary; Markdown.
        body: the model that reads the body, in JSON; None when there is none.
        query: the model that reads the query string.
        reads: headers that the operation heeds, beyond those of every request.
        answers: by status, the good ones.
        problems: every code that this very operation may answer with. Those of every private
            route (`unauthenticated`, and `unavailable` while starting or full) are added.
        examples: bodies by name.
    """

    name: str
    summary: str
    tag: Tag
    answers: Mapping[int, Answer]
    description: str = ""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reads: tuple[Header, ...] = ()
    problems: tuple[Code, ...] = ()
    examples: Mapping[str, object] = field(default_factory=dict)
