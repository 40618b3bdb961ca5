"""Schemas that are connected to once the gateway already answers.

Decides only when: asking a registry blocks, so it happens in a thread, while the process says that
it is alive and not ready. Never keeps or reads a schema itself.
"""

from collections.abc import Callable

from contex.errors import DependencyAway
from contex.records.schema_source import Schema, SchemaSource


class LateSchemas:
    """A `SchemaSource` that is away until it has been connected.

    Args:
        connect: returns the source to use; may block.
    """

    def __init__(self, connect: Callable[[], SchemaSource]) -> None:
        self._connect = connect
        self._source: SchemaSource | None = None

    def connect(self) -> None:
        """Connect; blocks for as long as the source takes, and raises what it raises."""
        self._source = self._connect()

    def id_for(self, subject_topic: str, name: str) -> int:
        """Return the id of the current schema of the record `name`, written to `subject_topic`.

        Raises:
            DependencyAway: it is not connected, or the registry does not answer.
        """
        return self._connected().id_for(subject_topic, name)

    def schema(self, schema_id: int) -> Schema:
        """Return the schema that `schema_id` stands for.

        Raises:
            InvalidRecord: no schema has this id.
            DependencyAway: it is not connected, or the registry does not answer.
        """
        return self._connected().schema(schema_id)

    def _connected(self) -> SchemaSource:
        if self._source is None:
            raise DependencyAway("the schemas are not there yet")
        return self._source
