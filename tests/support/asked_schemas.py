"""Schemas that may block, as a registry's do, and thus are never asked for on an event loop."""

import asyncio

from contex.errors import DependencyAway
from contex.records.schema_source import PinnedSchemas, Schema


class AskedSchemas(PinnedSchemas):
    """The pinned schemas. The first question for one must come from a thread without a loop.

    Args:
        away: how many first questions fail.
    """

    def __init__(self, *, away: int = 0) -> None:
        super().__init__()
        self.asked: list[int] = []
        self._away = away
        self._known: set[int] = set()

    def schema(self, schema_id: int) -> Schema:
        """Return the pinned schema."""
        if schema_id not in self._known:
            assert not _on_a_loop(), f"expected a thread to ask for schema {schema_id}"
            self.asked.append(schema_id)
            if len(self.asked) <= self._away:
                raise DependencyAway("the registry does not answer")
            self._known.add(schema_id)
        return super().schema(schema_id)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
