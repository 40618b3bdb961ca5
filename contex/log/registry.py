"""Schemas by way of a registry: any that speaks Confluent's REST interface.

Decides subjects (`<topic>-value`), compatibility and what each answer means. A few calls need no
client library: register, look up, compare, set a compatibility. Every answer is kept, so that a
registry is asked once per schema and process, and its absence is felt only when something new turns
up. That it is away is kept for a moment too. Calls block, bounded by `CALL_TIMEOUT_S`.
"""

import base64
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import schemas
from contex.errors import DependencyAway, InvalidRecord
from contex.log.failures import LogMisuse
from contex.records.schema_source import PinnedSchemas, Schema, SchemaSource

if TYPE_CHECKING:
    from contex.settings import Settings

COMPATIBILITY = "BACKWARD_TRANSITIVE"
"""A replay meets every version ever written, so the newest must read them all."""
CALL_TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 1024 * 1024
UNKNOWN_IDS_MAX = 1_000
UNKNOWN_ID_TTL_S = 60.0
"""How long an id stays unknown before it is asked for again: a follower may lag behind."""
AWAY_TTL_S = 1.0
"""How long nobody asks for a schema after a question without an answer: each may cost the whole
time limit, and the records and streams that meet a new schema come in bursts. No longer, so that a
registry that is back is soon noticed."""

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_SCHEMA_NOT_FOUND = 40403
_NONE_THERE = frozenset({40401, 40402, _SCHEMA_NOT_FOUND})
"""No such subject, version or schema."""
_REFUSALS = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})

_log = logging.getLogger(__name__)


class Standing(StrEnum):
    """How a registry stands to the schema that this release writes."""

    CURRENT = "has it"
    OLDER = "has older ones and takes it"
    EMPTY = "has none yet"
    REFUSED = "refuses it as incompatible"


class SchemaRefused(LogMisuse):
    """The registry does not take a schema: it would break readers, or is none. A bug of ours."""


def schema_source(settings: "Settings") -> SchemaSource:
    """Return the registry's schemas where one is set, with ours registered; else the pinned ones.

    Raises:
        DependencyAway: the registry does not answer.
        SchemaRefused: it does not take one of our schemas.
    """
    if settings.schema_registry_url is None:
        return PinnedSchemas()
    source = RegistrySchemas(settings.schema_registry_url)
    source.register(schemas.subject_topics())
    return source


class RegistrySchemas:
    """A `SchemaSource` over a registry.

    Args:
        url: of the interface, e.g. `http://registry:8081`, credentials included if it needs any.
        clock_s: a monotonic clock.
    """

    def __init__(self, url: str, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._registry = _Registry(url)
        self._clock_s = clock_s
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, Schema] = {}
        self._unknown_until_s: dict[int, float] = {}
        self._away_until_s = -math.inf
        self._away_because = ""

    def register(self, topics: Mapping[str, str]) -> None:
        """Register the current schema of every record, each under its topic's subject.

        Raises:
            DependencyAway: the registry does not answer.
            SchemaRefused: it does not take one of them.
        """
        for name, topic in topics.items():
            self._registry.restrict(_subject(topic))
            self.id_for(topic, name)

    def id_for(self, subject_topic: str, name: str) -> int:
        """Return the id of the current schema of the record `name`, registering it if need be.

        Raises:
            DependencyAway: the registry does not answer.
            SchemaRefused: it does not take the schema.
        """
        place = (subject_topic, name)
        if place not in self._ids:
            text = schemas.current(name)
            schema_id = self._registry.register(_subject(subject_topic), text)
            self._schemas[schema_id] = Schema.parse(text)
            self._ids[place] = schema_id
        return self._ids[place]

    def standing(self, subject_topic: str, name: str) -> Standing:
        """Return how the registry stands to the current schema of `name`; registers nothing.

        Raises:
            DependencyAway: the registry does not answer.
        """
        subject, text = _subject(subject_topic), schemas.current(name)
        if self._registry.has(subject, text):
            return Standing.CURRENT
        accepted = self._registry.accepts(subject, text)
        if accepted is None:
            return Standing.EMPTY
        return Standing.OLDER if accepted else Standing.REFUSED

    def schema(self, schema_id: int) -> Schema:
        """Return the schema that `schema_id` stands for.

        Raises:
            InvalidRecord: no schema has this id, or it is no Avro record.
            DependencyAway: the registry does not answer.
        """
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        now_s = self._clock_s()
        if self._unknown_until_s.get(schema_id, now_s) <= now_s:
            text = self._asked(schema_id)
            if text is not None:
                self._schemas[schema_id] = Schema.parse(text)
                return self._schemas[schema_id]
            if len(self._unknown_until_s) >= UNKNOWN_IDS_MAX:
                self._unknown_until_s.clear()
            self._unknown_until_s[schema_id] = now_s + UNKNOWN_ID_TTL_S
        raise InvalidRecord(f"unknown schema id {schema_id}", field="value")

    def _asked(self, schema_id: int) -> str | None:
        """Ask for a schema, unless the registry was away a moment ago."""
        if self._clock_s() < self._away_until_s:
            raise DependencyAway(f"not asked again so soon: {self._away_because}")
        try:
            return self._registry.schema(schema_id)
        except DependencyAway as error:
            self._away_until_s = self._clock_s() + AWAY_TTL_S
            self._away_because = str(error)
            raise


class _Registry:
    """The calls, each answered or raised within the time limit."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise ValueError("SCHEMA_REGISTRY_URL must be an http or https URL")
        self._base = urlunsplit(
            (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", "")
        )
        self._headers = {"Accept": f"{_MEDIA_TYPE}, application/json", "Content-Type": _MEDIA_TYPE}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def restrict(self, subject: str) -> None:
        """Ask for our compatibility; a registry that does not let us keeps its own."""
        try:
            self._ask("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": COMPATIBILITY})
        except HTTPError as error:
            _log.warning(
                "the registry keeps its own compatibility for %s: %s", subject, _reason(error)
            )

    def register(self, subject: str, text: str) -> int:
        path = f"/subjects/{quote(subject, safe='')}/versions"
        try:
            return int(self._ask("POST", path, {"schema": text})["id"])
        except HTTPError as error:
            reason = f"registering {subject}: {_reason(error)}"
            if error.code in _REFUSALS:
                raise SchemaRefused(reason) from error
            raise DependencyAway(reason) from error

    def has(self, subject: str, text: str) -> bool:
        """Return whether `text` is one of the subject's schemas."""
        try:
            self._ask("POST", f"/subjects/{quote(subject, safe='')}", {"schema": text})
        except HTTPError as error:
            reason = _reason(error)
            if reason.get("error_code") in _NONE_THERE:
                return False
            raise DependencyAway(f"looking up {subject}: {reason}") from error
        return True

    def accepts(self, subject: str, text: str) -> bool | None:
        """Return whether the subject would take `text`, or None where it has no schema at all."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        try:
            return bool(self._ask("POST", path, {"schema": text})["is_compatible"])
        except HTTPError as error:
            reason = _reason(error)
            if reason.get("error_code") in _NONE_THERE:
                return None
            raise DependencyAway(f"comparing with {subject}: {reason}") from error

    def schema(self, schema_id: int) -> str | None:
        """Return a schema, or None if the registry itself says that there is none."""
        try:
            answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        except HTTPError as error:
            # Only the registry's own code counts: a wrong path answers 404 to everything.
            reason = _reason(error)
            if reason.get("error_code") == _SCHEMA_NOT_FOUND:
                return None
            raise DependencyAway(f"asking for schema {schema_id}: {reason}") from error
        return str(answer["schema"])

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the answer's JSON; raise HTTPError below 500, DependencyAway for all else."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(  # noqa: S310 - the scheme was checked
            f"{self._base}{path}", data, self._headers, method=method
        )
        try:
            with urlopen(request, timeout=CALL_TIMEOUT_S) as answer:  # noqa: S310 - as above
                found: dict[str, Any] = json.loads(answer.read(ANSWER_BYTES_MAX))
        except HTTPError as error:
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            raise DependencyAway(f"the schema registry failed: {_reason(error)}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DependencyAway(
                f"the schema registry at {self._base} does not answer: {reason}"
            ) from error
        return found


def _subject(topic: str) -> str:
    return f"{topic}-value"


def _reason(error: HTTPError) -> dict[str, Any]:
    """Return what the registry says about an error, or its status where it says nothing."""
    with error:
        try:
            reason = json.loads(error.read(ANSWER_BYTES_MAX))
        except (OSError, HTTPException, ValueError):
            reason = None
    return reason if isinstance(reason, dict) else {"status": error.code}
