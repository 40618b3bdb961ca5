"""Routing of publications: a pure algorithm over ports.

The steps and their order are the guarantee; docs/routing.md tells why each is where it is, and
tests/unit/routing runs them interleaved, crashed and repeated against a model.

A batch is routed in waves of distinct keys, step by step for the whole wave: steps of different
keys commute, steps of one key keep their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from contex.embedding.port import Vectors
from contex.errors import CallerError
from contex.index.types import ValueChunks, ValueHead, ValueInfo
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import INLINE_BYTES_MAX, Deletion, Publication, Value
from contex.records.update import Cause, Item, Update, UpdateKind, update_id
from contex.routing.decide import (
    Hits,
    changes,
    matched_needs,
    reference,
    standing,
    waves,
)
from contex.routing.finding import Asked, needs_met
from contex.routing.outcomes import Outcome, Rejected, Routed, Skip, Skipped
from contex.routing.ports import Ports, Reading

Counted = Mapping[UpdateKind, int]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A publication or deletion and where it stands in the log; its offset is the revision."""

    record: Publication | Deletion
    cause: Cause
    traceparent: str | None = None

    @property
    def key(self) -> ValueKey:
        """Whose value it is."""
        return self.record.key

    @property
    def revision(self) -> int:
        """The offset in the log."""
        return self.cause.offset

    @property
    def content_hash(self) -> str:
        """Hash of the content, empty for a deletion."""
        return "" if isinstance(self.record, Deletion) else self.record.value.content_hash


@dataclass(frozen=True, slots=True)
class Work:
    """A revision on its way: what was read of it and embedded. A deletion has neither."""

    arrived: Arrived
    reading: Reading | None = None
    vectors: Vectors | None = None

    @property
    def key(self) -> ValueKey:
        """Whose value it is."""
        return self.arrived.key

    @property
    def head(self) -> ValueHead:
        """The head this revision wants to be, not complete yet."""
        return ValueHead(
            revision=self.arrived.revision,
            content_hash=self.arrived.content_hash,
            deleted=self.reading is None,
            tokens=self.reading.tokens if self.reading else 0,
        )


async def route_publications(batch: Sequence[Arrived], ports: Ports) -> list[Outcome]:
    """Route a batch and return an outcome per record, in order.

    When it returns, every outcome is final and its offset may be committed.

    Raises:
        DependencyAway: nothing is decided; routing the whole batch again is right.
    """
    outcomes: dict[int, Outcome] = {}
    for positions in waves(batch, [arrived.key for arrived in batch]):
        wave = _Wave([batch[position] for position in positions], ports)
        routed = await wave.route()
        outcomes.update(zip(positions, routed, strict=True))
    return [outcomes[position] for position in range(len(batch))]


class _Wave:
    """Arrivals of distinct keys, routed together; `outcomes` fills as they end."""

    def __init__(self, arrivals: Sequence[Arrived], ports: Ports) -> None:
        self._arrivals = arrivals
        self._ports = ports
        self._outcomes: dict[ValueKey, Outcome] = {}

    async def route(self) -> list[Outcome]:
        works = await self._embedded(await self._read(await self._needing_work()))
        works = await self._switched(works)
        before, after = await self._matches(works)
        works = await self._still_heads(works)
        told = await self._tell(works, before, after)
        await self._complete(works, told)
        return [self._outcomes[arrived.key] for arrived in self._arrivals]

    async def _needing_work(self) -> list[Arrived]:
        heads = await self._ports.index.value_heads([arrived.key for arrived in self._arrivals])
        needing: list[Arrived] = []
        unchanged: dict[ValueKey, tuple[int, int]] = {}
        for arrived in self._arrivals:
            why = standing(heads.get(arrived.key), arrived.revision, arrived.content_hash)
            if why is None:
                needing.append(arrived)
                continue
            self._outcomes[arrived.key] = Skipped(why)
            if why is Skip.UNCHANGED:
                unchanged[arrived.key] = (heads[arrived.key].revision, arrived.revision)
        if unchanged:
            # The log will compact the older record away; references must find the newer one.
            await self._ports.index.note_stored(unchanged)
        return needing

    async def _read(self, arrivals: Iterable[Arrived]) -> list[Work]:
        works: list[Work] = []
        for arrived in arrivals:
            if isinstance(arrived.record, Deletion):
                works.append(Work(arrived))
                continue
            try:
                reading = await self._ports.meaning.read(arrived.key.data_key, arrived.record.value)
            except CallerError as error:
                self._outcomes[arrived.key] = Rejected(error)
            else:
                works.append(Work(arrived, reading))
        return works

    async def _embedded(self, works: Sequence[Work]) -> list[Work]:
        texts = [text for work in works if work.reading for text in work.reading.passages]
        if not texts:
            return list(works)
        vectors = await self._ports.meaning.embed(texts)
        embedded: list[Work] = []
        start = 0
        for work in works:
            end = start + (len(work.reading.passages) if work.reading else 0)
            embedded.append(replace(work, vectors=vectors[start:end]) if end > start else work)
            start = end
        return embedded

    async def _switched(self, works: Sequence[Work]) -> list[Work]:
        """Write the chunks, then the heads. A loser's chunks stay: the winner may need them."""
        chunks = [_chunks(work) for work in works if work.reading]
        if chunks:
            await self._ports.index.put_chunks(chunks)
        if works:
            await self._ports.index.switch_value_heads({work.key: work.head for work in works})
        return await self._still_heads(works)

    async def _still_heads(self, works: Sequence[Work]) -> list[Work]:
        """Keep the works whose revision is the head; a newer one answers for its value."""
        if not works:
            return []
        heads = await self._ports.index.value_heads([work.key for work in works])
        kept: list[Work] = []
        for work in works:
            head = heads.get(work.key)
            if head is not None and head.revision == work.arrived.revision:
                kept.append(work)
            else:
                self._outcomes[work.key] = Skipped(Skip.SUPERSEDED)
        return kept

    async def _matches(
        self, works: Sequence[Work]
    ) -> tuple[dict[ValueKey, Hits], dict[ValueKey, Hits]]:
        """Return who matched any older revision still present, and who matches the new one.

        Each older revision is judged by itself: nobody was ever told of a mixture of two.
        """
        if not works:
            return {}, {}
        index = self._ports.index
        present = await index.older_chunks({work.key: work.arrived.revision for work in works})
        older = [
            (key, Asked(key, chunks.vectors, chunks.metadata))
            for key, several in present.items()
            for chunks in several
        ]
        newer = [(work.key, asked) for work in works if (asked := _asked(work)) is not None]
        found = await needs_met(index, [asked for _, asked in older + newer])
        before: dict[ValueKey, Hits] = {}
        for (key, _), hits in zip(older, found[: len(older)], strict=True):
            before[key] = {**before.get(key, {}), **hits}
        after = {key: hits for (key, _), hits in zip(newer, found[len(older) :], strict=True)}
        return before, after

    async def _tell(
        self,
        works: Sequence[Work],
        before: dict[ValueKey, Hits],
        after: dict[ValueKey, Hits],
    ) -> dict[ValueKey, Counted]:
        updates: list[Update] = []
        counted: dict[ValueKey, Counted] = {}
        for work in works:
            told = _updates(work, before.get(work.key, {}), after.get(work.key, {}))
            counted[work.key] = _counted(told)
            self._outcomes[work.key] = Routed(counted[work.key])
            updates += told
        if updates:
            await self._ports.outbox.tell(updates)
        return counted

    async def _complete(self, works: Sequence[Work], told: Mapping[ValueKey, Counted]) -> None:
        if not works:
            return
        revisions = {work.key: work.arrived.revision for work in works}
        await self._ports.index.delete_older_chunks(revisions)
        await self._ports.index.complete_value_heads(
            revisions,
            {key: {kind.value: count for kind, count in told[key].items()} for key in revisions},
        )


def _asked(work: Work) -> Asked | None:
    record = work.arrived.record
    if isinstance(record, Deletion) or work.vectors is None:
        return None
    return Asked(work.key, work.vectors, record.value.metadata)


def _chunks(work: Work) -> ValueChunks:
    value = _told_value(work)
    assert value is not None
    assert work.vectors is not None
    inside = len(value.content) <= INLINE_BYTES_MAX
    info = ValueInfo(
        content_type=value.content_type,
        metadata=value.metadata,
        published_at_ms=work.arrived.record.published_at_ms,
        size_bytes=len(value.content),
    )
    return ValueChunks(
        key=work.key,
        revision=work.arrived.revision,
        vectors=work.vectors,
        value=value if inside else None,
        info=info,
        terms=() if work.reading is None else work.reading.terms,
    )


def _told_value(work: Work) -> Value | None:
    """Return the value with the content type it was read as, None for a deletion."""
    record = work.arrived.record
    if isinstance(record, Deletion) or work.reading is None:
        return None
    return replace(record.value, content_type=work.reading.content_type)


def _updates(work: Work, before: Hits, after: Hits) -> list[Update]:
    kinds = changes(before, after, deleted=work.reading is None)
    told = {**before, **after}
    return [_update(work, agent, kinds[agent], told[agent][0].epoch, after) for agent in kinds]


def _update(work: Work, agent: AgentKey, kind: UpdateKind, epoch: int, after: Hits) -> Update:
    arrived = work.arrived
    return Update(
        update_id=update_id(arrived.cause, agent),
        kind=kind,
        agent=agent,
        epoch=epoch,
        cause=arrived.cause,
        caused_at_ms=arrived.record.published_at_ms,
        items=(_item(work, after, agent),),
        traceparent=arrived.traceparent,
    )


def _item(work: Work, after: Hits, agent: AgentKey) -> Item:
    revision = work.arrived.revision
    value = _told_value(work)
    if value is None or work.reading is None or agent not in after:
        return Item(work.key.data_key, revision)
    inside = len(value.content) <= INLINE_BYTES_MAX
    return Item(
        data_key=work.key.data_key,
        revision=revision,
        needs=matched_needs(after[agent]),
        content=value.content if inside else None,
        content_type=value.content_type,
        metadata=value.metadata,
        reference=None if inside else reference(work.key, revision),
        tokens=work.reading.tokens,
    )


def _counted(updates: Iterable[Update]) -> Counted:
    kinds = [update.kind for update in updates]
    return {kind: kinds.count(kind) for kind in UpdateKind if kind in kinds}
