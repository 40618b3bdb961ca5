"""The port of every index. One contract suite (tests/contract) runs against each implementation.

All writes wait: when a method returns, every later read of any client sees its effect. All methods
raise `DependencyAway` when the engine does not answer, and nothing else on purpose.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from contex.index.queries import Queries
from contex.index.types import (
    AgentHead,
    AgentNeeds,
    ExclusionHit,
    NeedHit,
    NeedSearch,
    OlderChunks,
    ValueChunks,
    ValueHead,
    ValueHit,
    ValueSearch,
)
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Value

Told = Mapping[ValueKey, Mapping[str, int]]
"""How many agents were told of a value, by the update's kind."""


class Index(Queries, Protocol):
    """A rebuildable index of values and needs. Knows no routing rule."""

    async def prepare(self) -> str:
        """Create what is missing and return the id of this very index.

        The id is made once, when the index is first created, and kept with it: an index that was
        lost and created again has another one. Racing callers get the same id.
        """

    async def ping(self) -> None:
        """Return if the engine answers."""

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        """Return the heads that exist."""

    async def switch_value_heads(self, heads: Mapping[ValueKey, ValueHead]) -> None:
        """Write each head if none exists or the one that does has an older revision."""

    async def complete_value_heads(
        self, revisions: Mapping[ValueKey, int], told: Told | None = None
    ) -> None:
        """Mark each head complete if it still has this revision, and note who was told."""

    async def note_stored(self, stored: Mapping[ValueKey, tuple[int, int]]) -> None:
        """Note (revision, newer offset with the same content) in each head that has the revision.

        A head that knows a newer offset keeps it.
        """

    async def put_chunks(self, chunks: Sequence[ValueChunks]) -> None:
        """Write the chunks; their ids contain the revision, so a repeat overwrites itself."""

    async def older_chunks(
        self, revisions: Mapping[ValueKey, int]
    ) -> dict[ValueKey, tuple[OlderChunks, ...]]:
        """Return every chunk still present with a revision below the given one, by revision.

        Keys without any are left out.
        """

    async def delete_older_chunks(self, revisions: Mapping[ValueKey, int]) -> None:
        """Delete the chunks with a revision below the given one."""

    async def values(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, Value]:
        """Return the values kept beside the first chunk of exactly these revisions.

        Left out: those too large to be kept, and those whose chunks are gone.
        """

    async def agent_heads(self, keys: Sequence[AgentKey]) -> dict[AgentKey, AgentHead]:
        """Return the heads that exist."""

    async def switch_agent_head(self, key: AgentKey, head: AgentHead) -> None:
        """Write the head if none exists or the one that does has an older epoch."""

    async def put_needs(self, needs: AgentNeeds) -> None:
        """Write the needs of an epoch, their exclusions first: no need is ever there without."""

    async def delete_older_needs(self, key: AgentKey, epoch: int) -> None:
        """Delete the agent's needs and exclusions of every epoch below the given one."""

    async def matching_needs(self, searches: Sequence[NeedSearch]) -> list[list[NeedHit]]:
        """Return per search every need of its scope reached by any of its vectors: not the top k.

        Each need appears once, with its best score; filters and exclusions are not judged. Needs of
        any epoch are returned: whether an epoch counts is judged by the caller, by heads read after
        the search.
        """

    async def matching_exclusions(self, searches: Sequence[NeedSearch]) -> list[list[ExclusionHit]]:
        """Return per search every exclusion of its scope reached by any of its vectors.

        Asked after `matching_needs`, it knows the exclusions of every need that was found.
        """

    async def matching_values(self, search: ValueSearch) -> list[ValueHit]:
        """Return every (value, revision) of the scope of which a chunk reaches any of the needs."""

    async def close(self) -> None:
        """Release connections."""
