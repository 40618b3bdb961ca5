"""The in-memory twin of the index: the same port, for tests and simulations.

Decides nothing about routing. Each method awaits `pause` once and then has its whole effect at
once, so that a scheduler can interleave calls; it never touches an event loop of its own.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from contex.embedding.port import Vectors
from contex.index.matching import (
    meets,
    ordered_exclusions,
    ordered_needs,
    ordered_values,
    score_of,
)
from contex.index.memory_queries import MemoryQueries
from contex.index.port import Told
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
from contex.records.meeting import exclusion_statements
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Value

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class MemoryIndex(MemoryQueries):
    """An `Index` in dictionaries.

    Args:
        pause: awaited once at the start of every method; the only suspension point.
        index_id: what `prepare` answers.
    """

    def __init__(
        self, *, pause: Callable[[], Awaitable[None]] | None = None, index_id: str = "memory"
    ) -> None:
        self._pause = pause
        self._index_id = index_id
        self._value_heads: dict[ValueKey, ValueHead] = {}
        self._agent_heads: dict[AgentKey, AgentHead] = {}
        self._chunks: dict[ValueKey, dict[int, ValueChunks]] = {}
        self._needs: dict[AgentKey, dict[int, AgentNeeds]] = {}

    async def _turn(self) -> None:
        if self._pause is not None:
            await self._pause()

    async def prepare(self) -> str:
        """Return the id given at construction."""
        await self._turn()
        return self._index_id

    async def ping(self) -> None:
        """Answer."""
        await self._turn()

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        """Return the heads that exist."""
        await self._turn()
        return {key: self._value_heads[key] for key in keys if key in self._value_heads}

    async def switch_value_heads(self, heads: Mapping[ValueKey, ValueHead]) -> None:
        """Write each head if none exists or the one that does has an older revision."""
        await self._turn()
        for key, head in heads.items():
            held = self._value_heads.get(key)
            if held is None or held.revision < head.revision:
                self._value_heads[key] = head

    async def complete_value_heads(
        self, revisions: Mapping[ValueKey, int], told: Told | None = None
    ) -> None:
        """Mark each head complete if it still has this revision, and note who was told."""
        await self._turn()
        for key, revision in revisions.items():
            held = self._value_heads.get(key)
            if held is not None and held.revision == revision:
                self._value_heads[key] = replace(
                    held, complete=True, told=dict((told or {}).get(key, {}))
                )

    async def note_stored(self, stored: Mapping[ValueKey, tuple[int, int]]) -> None:
        """Note where the log holds the content of each head that has the revision."""
        await self._turn()
        for key, (revision, offset) in stored.items():
            held = self._value_heads.get(key)
            if held is not None and held.revision == revision and held.stored < offset:
                self._value_heads[key] = replace(held, stored=offset)

    async def put_chunks(self, chunks: Sequence[ValueChunks]) -> None:
        """Write the chunks."""
        await self._turn()
        for one in chunks:
            self._chunks.setdefault(one.key, {})[one.revision] = one

    async def older_chunks(
        self, revisions: Mapping[ValueKey, int]
    ) -> dict[ValueKey, tuple[OlderChunks, ...]]:
        """Return every chunk with a revision below the given one, by revision."""
        await self._turn()
        older = {
            key: tuple(
                OlderChunks(held, chunks.vectors, chunks.info.metadata)
                for held, chunks in sorted(self._chunks.get(key, {}).items())
                if held < revision
            )
            for key, revision in revisions.items()
        }
        return {key: several for key, several in older.items() if several}

    async def delete_older_chunks(self, revisions: Mapping[ValueKey, int]) -> None:
        """Delete the chunks with a revision below the given one."""
        await self._turn()
        for key, revision in revisions.items():
            _delete_below(self._chunks, key, revision)

    async def values(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, Value]:
        """Return the values kept beside the first chunk of exactly these revisions."""
        await self._turn()
        kept: dict[ValueKey, Value] = {}
        for key, revision in revisions.items():
            chunks = self._chunks.get(key, {}).get(revision)
            if chunks is not None and chunks.value is not None:
                kept[key] = chunks.value
        return kept

    async def agent_heads(self, keys: Sequence[AgentKey]) -> dict[AgentKey, AgentHead]:
        """Return the heads that exist."""
        await self._turn()
        return {key: self._agent_heads[key] for key in keys if key in self._agent_heads}

    async def switch_agent_head(self, key: AgentKey, head: AgentHead) -> None:
        """Write the head if none exists or the one that does has an older epoch."""
        await self._turn()
        held = self._agent_heads.get(key)
        if held is None or held.epoch < head.epoch:
            self._agent_heads[key] = head

    async def put_needs(self, needs: AgentNeeds) -> None:
        """Write the needs of an epoch."""
        await self._turn()
        self._needs.setdefault(needs.key, {})[needs.epoch] = needs

    async def delete_older_needs(self, key: AgentKey, epoch: int) -> None:
        """Delete the agent's needs and exclusions of every epoch below the given one."""
        await self._turn()
        _delete_below(self._needs, key, epoch)

    async def matching_needs(self, searches: Sequence[NeedSearch]) -> list[list[NeedHit]]:
        """Return per search every need of its scope reached by any of its vectors."""
        await self._turn()
        return [
            ordered_needs(
                hit
                for needs in self._needs_of(search.scope)
                for hit in _need_hits(needs, search.vectors)
            )
            for search in searches
        ]

    async def matching_exclusions(self, searches: Sequence[NeedSearch]) -> list[list[ExclusionHit]]:
        """Return per search every exclusion of its scope reached by any of its vectors."""
        await self._turn()
        return [
            ordered_exclusions(
                hit
                for needs in self._needs_of(search.scope)
                for hit in _exclusion_hits(needs, search.vectors)
            )
            for search in searches
        ]

    def _needs_of(self, scope: Scope) -> Iterator[AgentNeeds]:
        for key, epochs in self._needs.items():
            if key.scope == scope:
                yield from epochs.values()

    async def matching_values(self, search: ValueSearch) -> list[ValueHit]:
        """Return every (value, revision) of the scope of which a chunk reaches any of the needs."""
        await self._turn()
        return ordered_values(
            hit
            for key, revisions in self._chunks.items()
            if key.scope == search.scope
            for chunks in revisions.values()
            if (hit := _value_hit(chunks, search)).scores
        )

    async def close(self) -> None:
        """Release nothing."""
        await self._turn()


def _delete_below(held: dict[Key, dict[int, Kept]], key: Key, version: int) -> None:
    versions = held.get(key, {})
    for older in [number for number in versions if number < version]:
        del versions[older]
    if not versions:
        held.pop(key, None)


def _need_hits(needs: AgentNeeds, vectors: Vectors) -> list[NeedHit]:
    best = (needs.vectors[: len(needs.needs)] @ vectors.T).max(axis=1)
    return [
        NeedHit(needs.key, needs.epoch, ordinal, need, score)
        for ordinal, need in enumerate(needs.needs)
        if (score := _score(float(best[ordinal]), need.threshold)) is not None
    ]


def _exclusion_hits(needs: AgentNeeds, vectors: Vectors) -> list[ExclusionHit]:
    best = (needs.vectors[len(needs.needs) :] @ vectors.T).max(axis=1)
    return [
        ExclusionHit(needs.key, needs.epoch, statement.place, score)
        for row, statement in enumerate(exclusion_statements(needs.needs))
        if (score := _score(float(best[row]), statement.threshold)) is not None
    ]


def _score(cosine: float, threshold: float) -> float | None:
    margin = cosine - threshold
    return score_of(margin, threshold) if meets(margin) else None


def _value_hit(chunks: ValueChunks, search: ValueSearch) -> ValueHit:
    best = (search.vectors @ chunks.vectors.T).max(axis=1)
    scores = {
        ordinal: score
        for ordinal, need in enumerate(search.needs)
        if (score := _score(float(best[ordinal]), need.threshold)) is not None
    }
    return ValueHit(chunks.key, chunks.revision, scores)
