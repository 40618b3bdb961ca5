"""An in-memory twin of what the gateway sees of the log, and services over it."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.port import Vectors
from contex.errors import CallerError
from contex.index.memory import MemoryIndex
from contex.log.partitioner import partition_for
from contex.log.reader import Bounds, OffsetGone, Span
from contex.log.registrations import KnownAgent
from contex.query.ports import QueryPorts
from contex.records.codec import Codec
from contex.records.message import Message, Receipt, Received
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery, Unregistration
from contex.records.schema_source import PinnedSchemas
from contex.records.update import Cause, Item, Update, UpdateKind, update_id
from contex.text.passages import RECIPE
from contex.webhooks.secrets import SecretBox, generate_key
from gateway.services import Services
from topology.catalogue import PARTITIONS, REGISTRATIONS, UPDATES

CODEC = Codec(PinnedSchemas())
AGENT = AgentKey(Scope("t", "p"), "a")
OTHER = AgentKey(Scope("t", "p"), "b")
PARTITION = partition_for(str(AGENT).encode(), PARTITIONS)
NOW_MS = 1_700_000_000_000


class MemoryLog:
    """Sender, reader and view in one. `now_ms` is the broker's clock."""

    def __init__(self, span_records_max: int = 3) -> None:
        self.now_ms = NOW_MS
        self.first: dict[tuple[str, int], int] = defaultdict(int)
        self.partitions: dict[tuple[str, int], list[Received]] = defaultdict(list)
        self.known: dict[AgentKey, KnownAgent] = {}
        self._span_records_max = span_records_max

    async def send(self, topic: str, message: Message) -> Receipt:
        return self.append(topic, message)

    async def send_each(self, topic: str, messages: Sequence[Message]) -> list[Receipt | Exception]:
        return [self.append(topic, message) for message in messages]

    def append(self, topic: str, message: Message, *, partition: int | None = None) -> Receipt:
        place = partition_for(message.key, PARTITIONS) if partition is None else partition
        records = self.partitions[topic, place]
        received = Received(
            topic, place, len(records), self.now_ms, message.key, message.value, message.headers
        )
        records.append(received)
        if topic == REGISTRATIONS.name:
            self._remember(received)
        return Receipt(topic, place, received.offset)

    async def record_at(self, topic: str, partition: int, offset: int) -> Received | None:
        records = self.partitions[topic, partition]
        inside = self.first[topic, partition] <= offset < len(records)
        return records[offset] if inside else None

    async def span(self, topic: str, partition: int, start: int, end: int) -> Span:
        if start < self.first[topic, partition]:
            raise OffsetGone("gone")
        stop = min(start + self._span_records_max, end)
        records = self.partitions[topic, partition][start:stop]
        return Span(records, start + len(records))

    async def bounds(self, topic: str, partition: int) -> Bounds:
        place = topic, partition
        return Bounds(self.first[place], len(self.partitions[place]))

    async def end_offsets(self, topic: str) -> dict[int, int]:
        return {one: len(self.partitions[topic, one]) for one in range(PARTITIONS)}

    async def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        records = self.partitions[topic, partition]
        retained = records[self.first[topic, partition] :]
        found = (one.offset for one in retained if one.timestamp_ms >= time_ms)
        return next(found, len(records))

    def get(self, key: AgentKey) -> KnownAgent | None:
        return self.known.get(key)

    def of_tenant(self, tenant: str) -> Sequence[KnownAgent]:
        return [one for key, one in self.known.items() if key.scope.tenant == tenant]

    async def caught_up_with(self, partition: int, offset: int, *, timeout_s: float) -> bool:
        del timeout_s
        return offset < len(self.partitions[REGISTRATIONS.name, partition])

    def _remember(self, received: Received) -> None:
        try:
            record = CODEC.registration(received)
        except CallerError:
            return
        if isinstance(record, Unregistration):
            self.known.pop(record.key, None)
            return
        self.known[record.key] = KnownAgent(
            registration=record,
            epoch=received.offset,
            partition=received.partition,
            registered_at_ms=received.timestamp_ms,
        )


class MemoryKnowledge:
    """The twin of the index, and the embedder that knows words alone."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self.embedder = DeterministicEmbedder(recipe=RECIPE)

    async def ports(self) -> QueryPorts:
        """Return both."""
        return QueryPorts(self.index, self)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector per text, at once."""
        return self.embedder.embed(texts)


def services(
    log: MemoryLog, *, keys: str | None = None, knowledge: MemoryKnowledge | None = None
) -> Services:
    ids = (f"id-{number}" for number in count())
    return Services(
        sender=log,
        reader=log,
        agents=log,
        knowledge=MemoryKnowledge() if knowledge is None else knowledge,
        codec=CODEC,
        secrets=SecretBox(generate_key() if keys is None else keys),
        webhook_allow=(),
        clock_ms=lambda: NOW_MS,
        new_id=lambda: next(ids),
    )


def register(log: MemoryLog, key: AgentKey = AGENT) -> int:
    """Register an agent and return its epoch."""
    registration = Registration(key, (Need("anything"),), StreamDelivery(), "event", NOW_MS)
    return log.append(REGISTRATIONS.name, CODEC.encode(registration)).offset


def tell(log: MemoryLog, revision: int, *, epoch: int = 0, agent: AgentKey = AGENT) -> Received:
    """Append an update to AGENT's partition, whoever it is for, and return it."""
    cause = Cause("contex.publications", 0, revision)
    update = Update(
        update_id=update_id(cause, agent),
        kind=UpdateKind.MATCHED,
        agent=agent,
        epoch=epoch,
        cause=cause,
        caused_at_ms=NOW_MS,
        items=(Item("k", revision, content=b"{}"),),
    )
    receipt = log.append(UPDATES.name, CODEC.encode(update), partition=PARTITION)
    return log.partitions[UPDATES.name, PARTITION][receipt.offset]
