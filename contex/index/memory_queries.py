"""The queries and lists of the in-memory twin.

Decides nothing that the engine would not: every method looks at all there is, then cuts.
"""

from collections.abc import Iterator, Mapping, Sequence

from contex.index import ids
from contex.index.matching import MARGIN_TOLERANCE
from contex.index.queries import Nearest, Ranking, TermCounts, ValuePage, Wordiest
from contex.index.ranking import Passage, ranked
from contex.index.types import ValueChunks, ValueHead, ValueInfo
from contex.records.names import Scope, ValueKey


class MemoryQueries:
    """The part of `MemoryIndex` that answers queries and lists."""

    _value_heads: dict[ValueKey, ValueHead]
    _chunks: dict[ValueKey, dict[int, ValueChunks]]

    async def _turn(self) -> None:
        raise NotImplementedError

    async def nearest_values(self, asked: Nearest) -> Ranking:
        """Return the values whose best passages are nearest."""
        await self._turn()
        wanted = set(asked.terms)
        passages = [
            (chunks.key, chunks.revision, score)
            for chunks in self._present(asked.scope, asked.keys)
            for number, score in enumerate((chunks.vectors @ asked.vector).tolist())
            if score >= asked.threshold - MARGIN_TOLERANCE
            and (not wanted or (chunks.terms and wanted <= chunks.terms[number].keys()))
        ]
        return _cut(passages, asked.limit)

    async def wordiest_values(self, asked: Wordiest) -> Ranking:
        """Return the values whose best passages have most of the words; others are left out."""
        await self._turn()
        passages = [
            (chunks.key, chunks.revision, _product(asked.weights, terms))
            for chunks in self._present(asked.scope, asked.keys)
            for terms in chunks.terms
            if asked.weights.keys() & terms.keys()
        ]
        return _cut(passages, asked.limit)

    async def count_terms(self, scope: Scope, terms: Sequence[int]) -> TermCounts:
        """Count the passages of a scope and of nobody else."""
        await self._turn()
        present = list(self._present(scope, None))
        counts = {
            term: sum(term in words for chunks in present for words in chunks.terms)
            for term in terms
        }
        return TermCounts(sum(len(chunks.vectors) for chunks in present), counts)

    async def value_infos(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, ValueInfo]:
        """Return what is known of exactly these revisions."""
        await self._turn()
        return {
            key: chunks.info
            for key, revision in revisions.items()
            if (chunks := self._chunks.get(key, {}).get(revision)) is not None
        }

    async def value_page(
        self, scope: Scope, *, limit: int, after: str | None = None, prefix: str = ""
    ) -> ValuePage:
        """Return at most `limit` live values whose keys begin with `prefix`."""
        await self._turn()
        named = sorted(
            (ids.value_head_id(key), key)
            for key, head in self._value_heads.items()
            if key.scope == scope and not head.deleted and key.data_key.startswith(prefix)
        )
        rest = [(head_id, key) for head_id, key in named if after is None or head_id >= after]
        heads = {key: self._value_heads[key] for _, key in rest[:limit]}
        return ValuePage(heads, rest[limit][0] if len(rest) > limit else None)

    def _present(self, scope: Scope, keys: Sequence[ValueKey] | None) -> Iterator[ValueChunks]:
        for key, revisions in self._chunks.items():
            if key.scope == scope and (keys is None or key in keys):
                yield from revisions.values()


def _product(weights: Mapping[int, float], terms: Mapping[int, float]) -> float:
    return sum(weights[term] * terms[term] for term in weights.keys() & terms.keys())


def _cut(passages: list[Passage], limit: int | None) -> Ranking:
    best = sorted(passages, key=lambda passage: -passage[2])
    return ranked(best if limit is None else best[:limit], limit)
