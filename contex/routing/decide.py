"""The decisions of routing, free of any I/O.

Which revision stands, who is told what, and what fits an initial context.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from contex.index.types import AgentHead, NeedHit, ValueHead
from contex.records.names import AgentKey, ValueKey
from contex.records.update import MatchedNeed, Omitted, UpdateKind
from contex.routing.outcomes import Skip

INITIAL_FRAME_BYTES_MAX = 2 * 1024 * 1024
"""Keys and needs of an initial context's items."""
INITIAL_CONTENT_BYTES_MAX = 4 * 1024 * 1024
"""Contents of an initial context's items; with the frames and what was omitted below the 8 MiB
that an update may have."""
ITEM_FRAME_BYTES = 256
OMITTED_MAX = 1_000

Entry = TypeVar("Entry")
Hits = Mapping[AgentKey, tuple[NeedHit, ...]]


def standing(head: ValueHead | None, revision: int, content_hash: str) -> Skip | None:
    """Return why a revision needs no routing, or None when it does."""
    if head is None:
        return None
    if head.revision > revision:
        return Skip.STALE
    if not head.complete:
        return None
    if head.revision == revision:
        return Skip.DONE
    return Skip.UNCHANGED if head.content_hash == content_hash else None


def waves(batch: Sequence[Entry], keys: Sequence[ValueKey]) -> list[list[int]]:
    """Cut a batch into runs of positions in which every key occurs once, each key in order."""
    cut: list[list[int]] = []
    turns: dict[ValueKey, int] = {}
    for position in range(len(batch)):
        turn = turns.get(keys[position], 0)
        turns[keys[position]] = turn + 1
        if turn == len(cut):
            cut.append([])
        cut[turn].append(position)
    return cut


def counting(hits: Iterable[NeedHit], heads: Mapping[AgentKey, AgentHead]) -> Hits:
    """Keep the hits whose epoch is their agent's head, by agent, best need first."""
    kept: dict[AgentKey, list[NeedHit]] = {}
    for hit in hits:
        head = heads.get(hit.agent)
        if head is not None and not head.deleted and head.epoch == hit.epoch:
            kept.setdefault(hit.agent, []).append(hit)
    return {
        agent: tuple(sorted(of_agent, key=lambda hit: (-hit.score, hit.ordinal)))
        for agent, of_agent in kept.items()
    }


def changes(before: Hits, after: Hits, *, deleted: bool) -> dict[AgentKey, UpdateKind]:
    """Return who is told what, given who matched the older chunks and who the new ones."""
    gone = UpdateKind.DELETED if deleted else UpdateKind.RETRACTED
    told = {agent: UpdateKind.UPDATED if agent in before else UpdateKind.MATCHED for agent in after}
    told.update({agent: gone for agent in before if agent not in after})
    return told


def matched_needs(hits: Iterable[NeedHit]) -> tuple[MatchedNeed, ...]:
    """Return what an agent is told about its needs that were met."""
    return tuple(MatchedNeed(hit.need.text, hit.score, hit.need.threshold) for hit in hits)


def reference(key: ValueKey, revision: int) -> str:
    """Return the gateway's path that answers this very revision."""
    data_key = quote(key.data_key, safe="")
    return f"/api/v1/projects/{key.scope.project}/data/{data_key}?revision={revision}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that could be part of an initial context; `readable` is where the log holds it."""

    key: ValueKey
    revision: int
    readable: int
    tokens: int
    needs: tuple[MatchedNeed, ...]

    @property
    def score(self) -> float:
        """The best score over the needs."""
        return max(need.score for need in self.needs)

    @property
    def frame_bytes(self) -> int:
        """About what the item takes in a record besides its content."""
        texts = sum(len(need.need.encode()) for need in self.needs)
        return ITEM_FRAME_BYTES + 2 * len(self.key.data_key.encode()) + texts


def best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order by score, then by name, so that the order is the same on every replay."""
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.key))


def within_budget(
    candidates: Iterable[Candidate], token_budget: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Split candidates, best first, into what fits the budget and what does not.

    One that is too large is passed over; smaller ones after it may still fit.
    """
    chosen: list[Candidate] = []
    omitted: list[Candidate] = []
    tokens_left = token_budget
    frame_bytes_left = INITIAL_FRAME_BYTES_MAX
    for candidate in candidates:
        if candidate.tokens <= tokens_left and candidate.frame_bytes <= frame_bytes_left:
            tokens_left -= candidate.tokens
            frame_bytes_left -= candidate.frame_bytes
            chosen.append(candidate)
        else:
            omitted.append(candidate)
    return chosen, omitted


def inline(sizes_bytes: Iterable[int]) -> list[bool]:
    """Return which contents, best first, travel inside an initial context of bounded size.

    Tokens bound what an agent reads, not bytes: a word of 60 KiB is a single token.
    """
    left = INITIAL_CONTENT_BYTES_MAX
    inside: list[bool] = []
    for size_bytes in sizes_bytes:
        inside.append(size_bytes <= left)
        left -= size_bytes if inside[-1] else 0
    return inside


def omitted_list(candidates: Sequence[Candidate]) -> tuple[Omitted, ...]:
    """Return the best of what did not fit."""
    return tuple(
        Omitted(candidate.key.data_key, candidate.revision, candidate.score, candidate.tokens)
        for candidate in candidates[:OMITTED_MAX]
    )
