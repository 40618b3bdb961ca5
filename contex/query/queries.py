"""Ad-hoc queries: from questions to the values that answer them.

Decides the order of the steps: one embedding batch for all questions, then each is searched, cut to
what is wanted, and the values of what is left are fetched.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from contex.embedding.port import Vectors
from contex.index.port import Index
from contex.index.types import ValueInfo
from contex.query.decide import CONTENT_BYTES_MAX, inside, within_budget
from contex.query.ports import QueryPorts
from contex.query.search import Candidate, Search, texts_of
from contex.query.types import Answer, Match, Query
from contex.records.names import Scope
from contex.records.publication import INLINE_BYTES_MAX

ATTEMPTS_MAX = 3
"""A search is repeated while a value it found was overtaken by a new revision."""


async def query(ports: QueryPorts, scope: Scope, asked: Query) -> Answer:
    """Answer one question about the values of `scope`.

    Raises:
        DependencyAway: the index or the embedder does not answer.
    """
    (answer,) = await query_many(ports, scope, [asked])
    return answer


async def query_many(ports: QueryPorts, scope: Scope, asked: Sequence[Query]) -> list[Answer]:
    """Answer several questions about the values of `scope`, each as if it were alone.

    Raises:
        DependencyAway: the index or the embedder does not answer.
    """
    size_bytes_max = CONTENT_BYTES_MAX // max(1, len(asked))
    vectors = await _embedded(ports, asked)
    return list(
        await asyncio.gather(
            *(
                _answered(ports.index, scope, (one, rows), size_bytes_max)
                for one, rows in zip(asked, vectors, strict=True)
            )
        )
    )


async def _embedded(ports: QueryPorts, asked: Sequence[Query]) -> list[Vectors]:
    said = [texts_of(one) for one in asked]
    vectors = await ports.embedder.embed([text for some in said for text in some])
    rows: list[Vectors] = []
    start = 0
    for some in said:
        rows.append(vectors[start : start + len(some)])
        start += len(some)
    return rows


async def _answered(
    index: Index, scope: Scope, asked: tuple[Query, Vectors], size_bytes_max: int
) -> Answer:
    one, vectors = asked
    answer = Answer()
    for _ in range(ATTEMPTS_MAX):
        found = await Search(index, scope, one, vectors).run()
        sized = [(candidate, candidate.head.tokens) for candidate in found.candidates]
        chosen, omitted = within_budget(sized, one.top_k, one.tokens_max)
        matches = await _matches(index, chosen)
        answer = Answer(tuple(matches), omitted)
        if len(matches) == len(chosen) and not found.is_overtaken:
            break
    return await _with_values(index, answer, size_bytes_max) if one.include_data else answer


async def _matches(index: Index, chosen: Sequence[Candidate]) -> list[Match]:
    """Return what is known of each; those whose chunks a new revision just took are left out."""
    unknown = {one.key: one.head.revision for one in chosen if one.info is None}
    infos = await index.value_infos(unknown) if unknown else {}
    return [
        _match(one, info) for one in chosen if (info := one.info or infos.get(one.key)) is not None
    ]


def _match(one: Candidate, info: ValueInfo) -> Match:
    head = one.head
    return Match(
        key=one.key,
        revision=head.revision,
        score=one.score,
        evidence=one.evidence,
        info=info,
        tokens=head.tokens,
        readable=head.readable,
    )


async def _with_values(index: Index, answer: Answer, size_bytes_max: int) -> Answer:
    """Put in the contents, best first, as many as an answer has room for."""
    sizes = [one.info.size_bytes for one in answer.matches]
    fits = inside(sizes, size_bytes_max)
    wanted = {
        one.key: one.revision
        for one, fit in zip(answer.matches, fits, strict=True)
        if fit and one.info.size_bytes <= INLINE_BYTES_MAX
    }
    values = await index.values(wanted) if wanted else {}
    matches = tuple(replace(one, value=values.get(one.key)) for one in answer.matches)
    return replace(answer, matches=matches)
