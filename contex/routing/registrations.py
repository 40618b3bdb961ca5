"""Routing of registrations: a pure algorithm over ports. See `publications` and docs/routing.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contex.index.types import AgentHead, AgentNeeds
from contex.records.meeting import texts
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need, Registration, Unregistration
from contex.records.update import Cause, Item, MatchedNeed, Update, UpdateKind, update_id
from contex.routing.decide import (
    Candidate,
    best_first,
    inline,
    omitted_list,
    reference,
    within_budget,
)
from contex.routing.finding import Wanted, counts, values_met
from contex.routing.outcomes import Outcome, Routed, Skip, Skipped
from contex.routing.ports import Ports

UTF8_BYTES_MAX = 4
"""Bytes of one character at most."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration or its end, and where it stands in the log; its offset is the epoch."""

    record: Registration | Unregistration
    cause: Cause
    traceparent: str | None = None

    @property
    def key(self) -> AgentKey:
        """Whose registration it is."""
        return self.record.key

    @property
    def epoch(self) -> int:
        """The offset in the log."""
        return self.cause.offset


async def route_registration(registered: Registered, ports: Ports) -> Outcome:
    """Make a registration count, and tell its agent everything that matches now.

    Raises:
        DependencyAway: nothing is decided; routing it again is right.
    """
    if (newer := await _newer(registered, ports)) is not None:
        return newer
    record = registered.record
    if isinstance(record, Unregistration):
        return await _leave(registered, ports)
    needs = await _needs(record, registered.epoch, ports)
    await ports.index.put_needs(needs)
    if not await _switched(registered, AgentHead(registered.epoch), ports):
        return Skipped(Skip.SUPERSEDED)
    await ports.index.delete_older_needs(registered.key, registered.epoch)
    initial = await _initial(record, registered.cause, needs, ports)
    await ports.outbox.tell([replace(initial, traceparent=registered.traceparent)])
    return Routed({UpdateKind.INITIAL: 1})


async def _newer(registered: Registered, ports: Ports) -> Skipped | None:
    head = (await ports.index.agent_heads([registered.key])).get(registered.key)
    return Skipped(Skip.STALE) if head is not None and head.epoch > registered.epoch else None


async def _leave(registered: Registered, ports: Ports) -> Outcome:
    if not await _switched(registered, AgentHead(registered.epoch, deleted=True), ports):
        return Skipped(Skip.SUPERSEDED)
    await ports.index.delete_older_needs(registered.key, registered.epoch)
    return Routed()


async def _switched(registered: Registered, head: AgentHead, ports: Ports) -> bool:
    await ports.index.switch_agent_head(registered.key, head)
    now = (await ports.index.agent_heads([registered.key])).get(registered.key)
    return now is not None and now.epoch == registered.epoch


async def _needs(record: Registration, epoch: int, ports: Ports) -> AgentNeeds:
    vectors = await ports.meaning.embed(texts(record.needs))
    return AgentNeeds(record.key, epoch, record.needs, vectors)


async def _initial(record: Registration, cause: Cause, needs: AgentNeeds, ports: Ports) -> Update:
    candidates = await _candidates(record, needs, ports)
    chosen, omitted = within_budget(best_first(candidates), record.token_budget)
    return Update(
        update_id=update_id(cause, record.key),
        kind=UpdateKind.INITIAL,
        agent=record.key,
        epoch=cause.offset,
        cause=cause,
        caused_at_ms=record.registered_at_ms,
        items=await _items(chosen, ports),
        omitted=omitted_list(omitted),
        omitted_total=len(omitted),
    )


async def _candidates(record: Registration, needs: AgentNeeds, ports: Ports) -> list[Candidate]:
    found = await values_met(ports.index, Wanted(record.key.scope, needs.needs, needs.vectors))
    return [
        Candidate(
            value.key,
            value.head.revision,
            value.head.readable,
            value.head.tokens,
            _met(value.scores, record.needs),
        )
        for value in found
    ]


def _met(scores: Mapping[int, float], needs: Sequence[Need]) -> tuple[MatchedNeed, ...]:
    best = sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))
    return tuple(
        MatchedNeed(needs[ordinal].text, score, needs[ordinal].threshold) for ordinal, score in best
    )


async def _items(chosen: Sequence[Candidate], ports: Ports) -> tuple[Item, ...]:
    """Return what the agent is told; a value without content by reference.

    One whose revision is not the head any more is left out: a newer one is being routed, and
    finds the agent's needs, which were written before.
    """
    if not chosen:
        return ()
    revisions = {candidate.key: candidate.revision for candidate in chosen}
    values = await ports.index.values(revisions)
    missing = [key for key in revisions if key not in values]
    heads = await ports.index.value_heads(missing) if missing else {}
    present = [
        candidate
        for candidate in chosen
        if candidate.key in values or counts(candidate.revision, heads.get(candidate.key))
    ]
    inside = inline(_size_bytes(values, candidate.key) for candidate in present)
    return tuple(
        _item(candidate, values.get(candidate.key), inside=fits)
        for candidate, fits in zip(present, inside, strict=True)
    )


def _size_bytes(values: Mapping[ValueKey, Value], key: ValueKey) -> int:
    if key not in values:
        return 0
    value = values[key]
    labels = sum(len(name) + len(label) for name, label in value.metadata.items())
    return len(value.content) + UTF8_BYTES_MAX * labels


def _item(candidate: Candidate, value: Value | None, *, inside: bool) -> Item:
    item = Item(
        data_key=candidate.key.data_key,
        revision=candidate.revision,
        needs=candidate.needs,
        tokens=candidate.tokens,
    )
    if value is None or not inside:
        return replace(item, reference=reference(candidate.key, candidate.readable))
    return replace(
        item, content=value.content, content_type=value.content_type, metadata=value.metadata
    )
