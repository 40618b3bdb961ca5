"""What speaks for the values of a scope, for one query: rounds of searches until enough is known.

Decides which searches a round makes. Hits count only by heads read after them, and are scored whole
before they are judged: a value that one search found is looked up in the others.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from contex.embedding.port import Vectors
from contex.index.lexical import query_terms, rarity
from contex.index.port import Index
from contex.index.queries import Nearest, Ranking, Wordiest
from contex.index.types import ValueHead, ValueInfo
from contex.query import decide
from contex.query.pages import Pages, Version, scores_of
from contex.query.types import Evidence, Query
from contex.records.meeting import (
    ExclusionPlace,
    exclusion_statements,
    is_excluded,
    texts,
)
from contex.records.names import Scope, ValueKey
from contex.records.registration import Need


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that matches, and all that is known of it; without `info` where none was needed."""

    key: ValueKey
    head: ValueHead
    score: float
    evidence: Evidence
    info: ValueInfo | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        candidates: the values that match, best first.
        is_overtaken: a value got a new revision meanwhile, which may not be among them.
    """

    candidates: tuple[Candidate, ...]
    is_overtaken: bool


@dataclass(frozen=True, slots=True)
class _Round:
    """What the searches of one round found, and what they left open."""

    evidence: Mapping[Version, Evidence]
    unseen_max: float | None


def texts_of(query: Query) -> list[str]:
    """Return what is embedded of a query: its text, then its exclusions' readings.

    Nothing, where its words alone decide.
    """
    if not decide.rule_of(query).weights.dense and not query.exclusions:
        return []
    return texts([Need(query.text, exclusions=query.exclusions)])


class Search:
    """One query in one scope.

    Args:
        vectors: of what `texts_of` says.
    """

    def __init__(self, index: Index, scope: Scope, query: Query, vectors: Vectors) -> None:
        self._index = index
        self._scope = scope
        self._query = query
        self._rule = decide.rule_of(query)
        self._need = Need(query.text, filters=query.filters, exclusions=query.exclusions)
        self._vectors = vectors
        self._weights: Mapping[int, float] = {}
        self._literal: tuple[int, ...] = ()

    async def run(self) -> Found:
        """Search until nothing that is answered would change."""
        await self._weigh_words()
        passages = decide.PASSAGES_FIRST
        while True:
            one = await self._round(passages)
            found = await self._judged(one.evidence)
            scores = [candidate.score for candidate in found.candidates]
            wanted = self._query.top_k
            if decide.is_enough(self._rule, scores, wanted, one.unseen_max, passages):
                return found
            passages *= decide.PASSAGES_GROWTH

    async def _weigh_words(self) -> None:
        """Learn how rare the query's words are, in this scope alone."""
        terms = query_terms(self._query.text) if self._rule.weights.lexical else ()
        if not terms:
            return
        counts = await self._index.count_terms(self._scope, terms)
        self._weights = rarity(counts.by_term, counts.passages)
        if self._rule.weights.dense and len(self._weights) == len(terms):
            self._literal = terms

    async def _round(self, passages: int) -> _Round:
        dense, literal, worded = await asyncio.gather(
            self._nearest(limit=passages, threshold=self._rule.cosine_min),
            self._nearest(limit=passages, terms=self._literal),
            self._wordiest(limit=passages),
        )
        pages = Pages(self._rule, dense, literal, worded)
        likely, unlikely_max = pages.likely(decide.unsure_max(passages, self._query.top_k))
        keys = tuple(sorted({key for key, _ in likely}))
        # A page that is full says nothing of who is not in it: those are looked up by name.
        dense, literal, worded = await asyncio.gather(
            self._completed(dense, keys),
            self._completed(literal, keys, terms=self._literal),
            self._reworded(worded, keys),
        )
        evidence = Pages(self._rule, dense, literal, worded).evidence(likely)
        return _Round(evidence, pages.unseen_max(unlikely_max))

    async def _completed(
        self,
        page: Ranking,
        keys: tuple[ValueKey, ...],
        terms: tuple[int, ...] | None = None,
    ) -> Ranking:
        if page.floor is None:
            return page
        return _joined(page, await self._nearest(keys=_missing(keys, page), terms=terms))

    async def _reworded(self, page: Ranking, keys: tuple[ValueKey, ...]) -> Ranking:
        if page.floor is None:
            return page
        return _joined(page, await self._wordiest(keys=_missing(keys, page)))

    async def _nearest(
        self,
        *,
        limit: int | None = None,
        threshold: float = -1.0,
        keys: tuple[ValueKey, ...] | None = None,
        terms: tuple[int, ...] | None = None,
    ) -> Ranking:
        """Return the nearest; of passages with all of `terms`, if given, of which none is none."""
        if not self._rule.weights.dense or terms == () or keys == ():
            return Ranking()
        asked = Nearest(self._scope, self._vectors[0], threshold, limit, keys, terms or ())
        return await self._index.nearest_values(asked)

    async def _wordiest(
        self, *, limit: int | None = None, keys: tuple[ValueKey, ...] | None = None
    ) -> Ranking:
        if not self._weights or keys == ():
            return Ranking()
        return await self._index.wordiest_values(Wordiest(self._scope, self._weights, limit, keys))

    async def _judged(self, evidence: Mapping[Version, Evidence]) -> Found:
        scores = {version: self._rule.score(known) for version, known in evidence.items()}
        scores = {version: score for version, score in scores.items() if self._rule.matches(score)}
        # Heads are read after the search whose hits they judge.
        keys = sorted({key for key, _ in scores})
        heads = await self._index.value_heads(keys) if keys else {}
        counting = [
            Candidate(key, heads[key], score, evidence[key, revision])
            for (key, revision), score in scores.items()
            if key in heads and heads[key].revision == revision and not heads[key].deleted
        ]
        counted = {candidate.key for candidate in counting}
        overtaken = any(key not in counted and not head.deleted for key, head in heads.items())
        kept = await self._not_excluded(await self._with_info(counting))
        kept.sort(key=lambda candidate: (-candidate.score, candidate.key))
        return Found(tuple(kept), overtaken)

    async def _with_info(self, candidates: list[Candidate]) -> list[Candidate]:
        """Keep what passes the query's filters and times, if it has any."""
        if not candidates or not decide.asks_for_info(self._query):
            return candidates
        infos = await self._index.value_infos({one.key: one.head.revision for one in candidates})
        return [
            replace(one, info=infos[one.key])
            for one in candidates
            if one.key in infos and decide.passes_info(self._query, infos[one.key])
        ]

    async def _not_excluded(self, candidates: list[Candidate]) -> list[Candidate]:
        """Keep what no exclusion speaks against."""
        if not candidates or not self._query.exclusions:
            return candidates
        keys = tuple(one.key for one in candidates)
        rankings = await asyncio.gather(
            *(
                self._index.nearest_values(Nearest(self._scope, vector, keys=keys))
                for vector in self._vectors
            )
        )
        cosines, *readings = map(scores_of, rankings)
        places = [statement.place for statement in exclusion_statements([self._need])]
        return [
            one
            for one in candidates
            if not self._is_excluded((one.key, one.head.revision), cosines, places, readings)
        ]

    def _is_excluded(
        self,
        version: Version,
        cosines: Mapping[Version, float],
        places: Iterable[ExclusionPlace],
        readings: Iterable[Mapping[Version, float]],
    ) -> bool:
        scores = {
            place: reading[version]
            for place, reading in zip(places, readings, strict=True)
            if version in reading
        }
        return version in cosines and is_excluded(0, self._need, cosines[version], scores)


def _missing(keys: Iterable[ValueKey], ranking: Ranking) -> tuple[ValueKey, ...]:
    known = {hit.key for hit in ranking.found}
    return tuple(key for key in keys if key not in known)


def _joined(page: Ranking, named: Ranking) -> Ranking:
    return Ranking(page.found + named.found, page.floor)
