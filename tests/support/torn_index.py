"""The in-memory index with writes and searches that take several steps, as an engine's may.

A value's chunks appear one after the other, so do an agent's needs (each with its exclusions), and
a search looks at one vector after the other. What is torn ends whole before the method returns.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from contex.index.matching import ordered_exclusions, ordered_needs, ordered_values
from contex.index.memory import MemoryIndex
from contex.index.types import (
    AgentNeeds,
    ExclusionHit,
    NeedHit,
    NeedSearch,
    ValueChunks,
    ValueHit,
    ValueSearch,
)
from contex.records.meeting import exclusion_statements


class TornIndex(MemoryIndex):
    """A `MemoryIndex` whose larger methods can be interrupted half-way."""

    async def put_chunks(self, chunks: Sequence[ValueChunks]) -> None:
        for one in chunks:
            for count in range(1, len(one.vectors)):
                await self._turn()
                revisions = self._chunks.setdefault(one.key, {})
                held = revisions.get(one.revision)
                if held is None or len(held.vectors) < count:
                    revisions[one.revision] = replace(one, vectors=one.vectors[:count])
        await super().put_chunks(chunks)

    async def put_needs(self, needs: AgentNeeds) -> None:
        for count in range(1, len(needs.needs)):
            await self._turn()
            epochs = self._needs.setdefault(needs.key, {})
            held = epochs.get(needs.epoch)
            if held is None or len(held.needs) < count:
                epochs[needs.epoch] = _first(needs, count)
        await super().put_needs(needs)

    async def matching_needs(self, searches: Sequence[NeedSearch]) -> list[list[NeedHit]]:
        answers = []
        for search in searches:
            best: dict[object, NeedHit] = {}
            for vector in search.vectors:
                alone = NeedSearch(search.scope, vector[np.newaxis])
                for hit in (await super().matching_needs([alone]))[0]:
                    identity = (hit.agent, hit.epoch, hit.ordinal)
                    if identity not in best or best[identity].score < hit.score:
                        best[identity] = hit
            answers.append(ordered_needs(best.values()))
        return answers

    async def matching_exclusions(self, searches: Sequence[NeedSearch]) -> list[list[ExclusionHit]]:
        answers = []
        for search in searches:
            best: dict[object, ExclusionHit] = {}
            for vector in search.vectors:
                alone = NeedSearch(search.scope, vector[np.newaxis])
                for hit in (await super().matching_exclusions([alone]))[0]:
                    identity = (hit.agent, hit.epoch, hit.place)
                    if identity not in best or best[identity].score < hit.score:
                        best[identity] = hit
            answers.append(ordered_exclusions(best.values()))
        return answers

    async def matching_values(self, search: ValueSearch) -> list[ValueHit]:
        found: dict[object, ValueHit] = {}
        for row, need in enumerate(search.needs):
            alone = ValueSearch(search.scope, (need,), search.vectors[row : row + 1])
            for hit in await super().matching_values(alone):
                identity = (hit.key, hit.revision)
                held = found.get(identity, replace(hit, scores={}))
                found[identity] = replace(held, scores={**held.scores, row: hit.scores[0]})
        return ordered_values(found.values())


def _first(needs: AgentNeeds, count: int) -> AgentNeeds:
    """Return the first needs of an agent, with the rows of theirs and of their exclusions."""
    some = needs.needs[:count]
    readings = len(exclusion_statements(some))
    start = len(needs.needs)
    rows = np.concatenate([needs.vectors[:count], needs.vectors[start : start + readings]])
    return AgentNeeds(needs.key, needs.epoch, some, rows)
