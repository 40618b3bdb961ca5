"""Which needs a value meets, and which values meet a need, whatever is written meanwhile.

Decides in which order the index is asked, and which hits count: heads are read after the searches
whose hits they judge. A search that overlaps a write may see half of it. Where half would decide
otherwise than all of it (an exclusion or metadata not seen yet, an agent found by one revision and
not by another), only what counted already before the search is judged by it: what came to count
later is told by whoever made it count, who searches after. tests/unit/routing takes each of these
away.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contex.embedding.port import Vectors
from contex.index.port import Index
from contex.index.types import (
    AgentHead,
    ExclusionHit,
    NeedHit,
    NeedSearch,
    ValueHead,
    ValueHit,
    ValueSearch,
)
from contex.records.meeting import (
    Evidence,
    ExclusionPlace,
    Scores,
    exclusion_statements,
    is_conditional,
    met,
)
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.registration import Need
from contex.routing.decide import Hits, counting


@dataclass(frozen=True, slots=True)
class Asked:
    """One revision of a value: its chunks, and its metadata."""

    key: ValueKey
    vectors: Vectors
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some needs, and a vector per text of `meeting.texts`."""

    scope: Scope
    needs: tuple[Need, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class MetValue:
    """A value whose head meets needs; `scores` is by the need's ordinal."""

    key: ValueKey
    head: ValueHead
    scores: Mapping[int, float]


async def needs_met(index: Index, asked: Sequence[Asked]) -> list[Hits]:
    """Return per revision the needs that count and are met by it."""
    searches = [NeedSearch(one.key.scope, one.vectors) for one in asked]
    hits = await index.matching_needs(searches)
    heads = await _agent_heads(index, hits)
    if not _is_doubtful(asked, hits):
        return [counting(found, heads) for found in hits]
    hits = await index.matching_needs(searches)
    exclusions = await _exclusions(index, searches, hits)
    heads_after = await _agent_heads(index, hits)
    heads = {agent: head for agent, head in heads.items() if heads_after.get(agent) == head}
    return [
        counting(_met_needs(found, excluding, one.metadata), heads)
        for found, excluding, one in zip(hits, exclusions, asked, strict=True)
    ]


async def values_met(index: Index, wanted: Wanted) -> list[MetValue]:
    """Return every value of which the revision that counts meets some of the needs."""
    needs = wanted.needs
    search = ValueSearch(wanted.scope, needs, wanted.vectors[: len(needs)])
    hits = await index.matching_values(search)
    if any(map(is_conditional, needs)):
        heads = await _heads(index, hits)
        here = [hit for hit in hits if counts(hit.revision, heads.get(hit.key))]
        hits = await _meeting(index, wanted, here)
    heads = await _heads(index, hits)
    return [
        MetValue(hit.key, heads[hit.key], hit.scores)
        for hit in hits
        if counts(hit.revision, heads.get(hit.key))
    ]


def counts(revision: int, head: ValueHead | None) -> bool:
    """Say whether a revision is the one that counts."""
    return head is not None and not head.deleted and head.revision == revision


def _is_doubtful(asked: Sequence[Asked], hits: Sequence[Sequence[NeedHit]]) -> bool:
    """Say whether half of a registration could have been seen, and would decide otherwise."""
    if any(is_conditional(hit.need) for found in hits for hit in found):
        return True
    found_by: dict[ValueKey, set[AgentKey]] = {}
    for one, found in zip(asked, hits, strict=True):
        agents = {hit.agent for hit in found}
        if found_by.setdefault(one.key, agents) != agents:
            return True
    return False


async def _agent_heads(
    index: Index, hits: Sequence[Sequence[NeedHit]]
) -> dict[AgentKey, AgentHead]:
    agents = sorted({hit.agent for found in hits for hit in found})
    return await index.agent_heads(agents) if agents else {}


async def _exclusions(
    index: Index, searches: Sequence[NeedSearch], hits: Sequence[Sequence[NeedHit]]
) -> list[list[ExclusionHit]]:
    having = [
        number for number, found in enumerate(hits) if any(hit.need.exclusions for hit in found)
    ]
    answers: list[list[ExclusionHit]] = [[] for _ in searches]
    if having:
        found = await index.matching_exclusions([searches[number] for number in having])
        for number, excluding in zip(having, found, strict=True):
            answers[number] = excluding
    return answers


def _met_needs(
    hits: Sequence[NeedHit], exclusions: Iterable[ExclusionHit], metadata: Mapping[str, str]
) -> list[NeedHit]:
    excluding: defaultdict[tuple[AgentKey, int], dict[ExclusionPlace, float]] = defaultdict(dict)
    for exclusion in exclusions:
        excluding[exclusion.agent, exclusion.epoch][exclusion.place] = exclusion.score
    return [
        hit
        for hit in hits
        if met(
            [(hit.ordinal, hit.need)],
            Evidence({hit.ordinal: hit.score}, excluding[hit.agent, hit.epoch], metadata),
        )
    ]


async def _meeting(index: Index, wanted: Wanted, hits: Sequence[ValueHit]) -> list[ValueHit]:
    exclusions = await _values_excluded(index, wanted) if hits else {}
    filtered = {
        hit.key: hit.revision
        for hit in hits
        if any(wanted.needs[ordinal].filters for ordinal in hit.scores)
    }
    infos = await index.value_infos(filtered) if filtered else {}
    found = []
    for hit in hits:
        excluding = exclusions.get((hit.key, hit.revision), {})
        metadata = infos[hit.key].metadata if hit.key in infos else {}
        scores = met(enumerate(wanted.needs), Evidence(hit.scores, excluding, metadata))
        if scores:
            found.append(ValueHit(hit.key, hit.revision, scores))
    return found


async def _values_excluded(index: Index, wanted: Wanted) -> dict[tuple[ValueKey, int], Scores]:
    statements = exclusion_statements(wanted.needs)
    if not statements:
        return {}
    as_needs = tuple(Need(one.text, one.threshold) for one in statements)
    vectors = wanted.vectors[len(wanted.needs) :]
    hits = await index.matching_values(ValueSearch(wanted.scope, as_needs, vectors))
    return {
        (hit.key, hit.revision): {statements[row].place: score for row, score in hit.scores.items()}
        for hit in hits
    }


async def _heads(index: Index, hits: Sequence[ValueHit]) -> dict[ValueKey, ValueHead]:
    return await index.value_heads(list({hit.key for hit in hits})) if hits else {}
