"""A value as it stands in an answer or an update: at hand, or by reference until it is fetched.

Decides how a value's bytes become data, the same as in updates. Does no I/O: a blocking client
lends its own way to fetch.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contex.client.errors import NotFetched, UnexpectedAnswer
from contex.records.rendering import value_json

JSON = Any
"""What JSON can say: dict, list, str, int, float, bool or None."""

UNKNOWN_TYPE = "application/octet-stream"
"""What the gateway declares where the producer declared nothing."""


def decoded(content: bytes, content_type: str | None) -> JSON | bytes:
    """Return JSON as JSON, text as text, and what is neither as bytes."""
    declared = None if content_type == UNKNOWN_TYPE else content_type
    rendered = value_json(content, declared)
    return rendered.get("data", content)


@dataclass(slots=True)
class Body:
    """What a value holds, or where to fetch it. Pickled and copied without its client.

    Attributes:
        known: whether `data` is at hand.
        fetch: set by a blocking client: fetches the data at the first use.
    """

    data: JSON | bytes = None
    known: bool = True
    fetch: "Callable[[Told], JSON | bytes] | None" = None

    def __reduce__(self) -> tuple[object, ...]:
        return Body, (self.data, self.known)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A value at one revision, as an update or an answer tells it.

    Attributes:
        project_id: the project that the value is in.
        data_key: the value's name inside the project.
        revision: per key the newest wins.
        reference: where the gateway has the value when it is too large to be told, or None.
        tokens: the size of the text in the embedder's tokens.
    """

    project_id: str
    data_key: str
    revision: int
    score: float = 0.0
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None
    tokens: int = 0
    body: Body = field(default_factory=Body, repr=False, compare=False)

    @property
    def data(self) -> JSON | bytes:
        """The value: JSON, text, or bytes where it is neither; None when it ended.

        A value by reference is fetched at the first use when a `Contex` told it.

        Raises:
            NotFetched: it is by reference, and whoever told it cannot fetch from here.
            ContexClientError: fetching failed.
        """
        if not self.body.known:
            if self.body.fetch is None:
                raise NotFetched(
                    f"{self.data_key!r} at revision {self.revision} is only referred to"
                )
            return self.body.fetch(self)
        return self.body.data

    def keep(self, content: bytes) -> JSON | bytes:
        """Take what was fetched as this value's data, and return that."""
        self.body.data = decoded(content, self.content_type)
        self.body.known = True
        return self.body.data


def body_of(members: Mapping[str, Any]) -> Body:
    """Return the body that stands in an item's JSON."""
    encoded = members.get("data_base64")
    if isinstance(encoded, str):
        return Body(_bytes(encoded))
    if members.get("data") is None and members.get("reference") is not None:
        return Body(known=False)
    return Body(members.get("data"))


def _bytes(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise UnexpectedAnswer("data_base64 is not base64") from error
