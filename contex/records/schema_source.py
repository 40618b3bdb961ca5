"""Schemas and their ids: which schema a record is written with, and which an id stands for.

Decides how a schema file becomes something to read and write with. Never touches a network: the
source that asks a registry lives beside the other Kafka I/O.
"""

import json
from dataclasses import dataclass
from typing import Protocol, Self

import fastavro

import schemas
from contex.errors import InvalidRecord


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """One Avro schema, ready to read and write with.

    Attributes:
        name: the record's full name, e.g. `contex.records.Publication`.
        text: the schema as Avro's JSON, logical types and documentation included.
        parsed: what fastavro takes; without logical types, so that times stay exact integers.
    """

    name: str
    text: str
    parsed: object

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a schema out of Avro's JSON.

        Raises:
            InvalidRecord: if it is no schema of a record.
        """
        try:
            parsed = fastavro.parse_schema(_without_logical_types(json.loads(text)))
            if parsed["type"] != "record":
                raise InvalidRecord(f"schema is no record but {parsed['type']!r}", field="schema")
            return cls(name=parsed["name"], text=text, parsed=parsed)
        except (ValueError, KeyError, TypeError, fastavro.schema.SchemaParseException) as error:
            raise InvalidRecord(f"not an Avro schema: {error}", field="schema") from error


class SchemaSource(Protocol):
    """Gives ids to the schemas that are written with, and schemas to the ids that are read."""

    def id_for(self, subject_topic: str, name: str) -> int:
        """Return the id of the current schema of the record `name`, written to `subject_topic`.

        Raises:
            DependencyAway: if the registry does not answer.
        """
        ...

    def schema(self, schema_id: int) -> Schema:
        """Return the schema that `schema_id` stands for.

        Raises:
            InvalidRecord: if no schema has this id.
            DependencyAway: if the registry does not answer.
        """
        ...


class PinnedSchemas:
    """The schemas of the package itself, under the ids that `schemas/ids.json` pins."""

    def __init__(self) -> None:
        self._by_id: dict[int, Schema] = {}
        self._current: dict[str, int] = {}
        newest: dict[str, int] = {}
        for pinned in schemas.pinned():
            text = schemas.earlier(pinned.record, pinned.version)
            self._by_id[pinned.schema_id] = Schema.parse(text)
            if pinned.version > newest.get(pinned.record, 0):
                newest[pinned.record] = pinned.version
                self._current[pinned.record] = pinned.schema_id

    def id_for(self, subject_topic: str, name: str) -> int:
        """Return the pinned id of the newest version; the same in every topic."""
        del subject_topic
        return self._current[name]

    def schema(self, schema_id: int) -> Schema:
        """Return the pinned schema.

        Raises:
            InvalidRecord: if no schema has this id.
        """
        schema = self._by_id.get(schema_id)
        if schema is None:
            raise InvalidRecord(f"unknown schema id {schema_id}", field="value")
        return schema


def _without_logical_types(node: object) -> object:
    if isinstance(node, dict):
        return {
            name: _without_logical_types(child)
            for name, child in node.items()
            if name != "logicalType"
        }
    if isinstance(node, list):
        return [_without_logical_types(child) for child in node]
    return node
