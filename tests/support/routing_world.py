"""A world to run routing in: two logs, their owners, and agents, driven step by step.

Owners crash between any two steps, are replaced, and go on running after they were replaced, ahead
or behind. Nothing here uses an event loop: a scheduler picks which coroutine takes its next step.
"""

import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torn_index import TornIndex

from contex.embedding.port import Vectors
from contex.errors import InvalidValue
from contex.index.memory import MemoryIndex
from contex.index.port import Index
from contex.records import (
    AgentKey,
    Cause,
    Deletion,
    Exclusion,
    Need,
    Publication,
    Registration,
    Scope,
    StreamDelivery,
    Unregistration,
    Update,
    Value,
    ValueKey,
)
from contex.records.holdings import Holdings
from contex.routing.ports import Ports, Reading
from contex.routing.publications import Arrived, route_publications
from contex.routing.registrations import Registered, route_registration

SCOPE = Scope("acme", "shop")
LETTERS = "abc"
POISON = "!"

Choose = Callable[[int], int]
"""Given n, picks one of 0 … n-1: the only source of chance."""


@types.coroutine
def pause() -> Generator[None, None, None]:
    yield


class LetterMeaning:
    """A value means each of its letters, and all of them together; so does a need.

    Poison is refused.
    """

    async def read(self, data_key: str, value: Value) -> Reading:
        text = value.content.decode()
        if POISON in text:
            raise InvalidValue("poison", field="data")
        return Reading(tuple(dict.fromkeys((*text, text))), len(text), "text/plain")

    async def embed(self, texts: Sequence[str]) -> Vectors:
        await pause()
        vectors = np.zeros((len(texts), len(LETTERS) + 1), dtype=np.float32)
        for row, text in enumerate(texts):
            for letter in text.replace(" ", ""):
                vectors[row, LETTERS.index(letter)] = 1.0
            vectors[row, len(LETTERS)] = not text
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


@dataclass
class Mailboxes:
    """The updates topic: what was told, in the order of the log, and what each agent holds."""

    told: list[Update] = field(default_factory=list)
    holdings: dict[AgentKey, Holdings] = field(default_factory=dict)

    async def tell(self, updates: Sequence[Update]) -> None:
        for update in updates:
            await pause()
            self.told.append(update)
            self.holdings.setdefault(update.agent, Holdings()).apply(update)


@dataclass
class Owner:
    """Somebody who processes a partition: the current owner, or a former one still running."""

    position: int
    limit: int | None = None
    work: Coroutine[Any, Any, Any] | None = None
    taken: int = 0


@dataclass
class Partition:
    """A log, its committed offset, its owner, and the former owners that still run."""

    log: list[Any] = field(default_factory=list)
    committed: int = 0
    owner: Owner = field(default_factory=lambda: Owner(0))
    former: list[Owner] = field(default_factory=list)

    def owners(self) -> list[Owner]:
        return [self.owner, *self.former]


def value_key(name: str) -> ValueKey:
    return ValueKey(SCOPE, name)


def agent_key(name: str) -> AgentKey:
    return AgentKey(SCOPE, name)


def need_of(spec: str) -> Need:
    """Read a need: "a-b@p" is a, but not b, of values whose label `env` is p."""
    words, _, env = spec.partition("@")
    letter, _, excluded = words.partition("-")
    return Need(
        letter,
        0.5,
        {"env": (env,)} if env else {},
        tuple(Exclusion(other, 0.5) for other in excluded),
    )


def value_of(spec: str) -> Value:
    """Read a value: "ab@p" means a and b, and its label `env` is p."""
    content, _, env = spec.partition("@")
    return Value(content.encode(), None, {"env": env} if env else {})


def is_met(need: Need, value: Value) -> bool:
    """Say in the words of this world whether a value of at most two letters meets a need."""
    return (
        need.text.encode() in value.content
        and not any(one.text.encode() in value.content for one in need.exclusions)
        and all(value.metadata.get(label) in wanted for label, wanted in need.filters.items())
    )


class World:
    """Two partitions over one index. Every action is one small, atomic thing."""

    def __init__(
        self,
        choose: Choose,
        wrap: Callable[[Index], Index] = lambda index: index,
        *,
        torn: bool = False,
    ) -> None:
        self.choose = choose
        self.mail = Mailboxes()
        index = TornIndex(pause=pause) if torn else MemoryIndex(pause=pause)
        self.ports = Ports(wrap(index), LetterMeaning(), self.mail)
        self.publications = Partition()
        self.registrations = Partition()

    def publish(self, name: str, spec: str | None) -> None:
        key, offset = value_key(name), len(self.publications.log)
        record: Publication | Deletion
        if spec is None:
            record = Deletion(key, str(offset), offset)
        else:
            record = Publication(key, value_of(spec), str(offset), offset)
        self.publications.log.append(Arrived(record, Cause("publications", 0, offset)))

    def register(self, name: str, specs: str | None) -> None:
        key, offset = agent_key(name), len(self.registrations.log)
        record: Registration | Unregistration
        if specs is None:
            record = Unregistration(key, str(offset), offset)
        else:
            needs = tuple(map(need_of, specs.split()))
            record = Registration(key, needs, StreamDelivery(), str(offset), offset)
        self.registrations.log.append(Registered(record, Cause("registrations", 0, offset)))

    def partitions(self) -> list[Partition]:
        return [self.publications, self.registrations]

    def step(self, partition: Partition, owner: Owner) -> None:
        """Take one step of an owner; start its next batch when it has none in work."""
        if owner.work is None:
            owner.work = self._start(partition, owner)
        try:
            owner.work.send(None)
        except StopIteration:
            owner.work = None
            owner.position += owner.taken
            if owner is partition.owner:
                partition.committed = owner.position

    def _start(self, partition: Partition, owner: Owner) -> Coroutine[Any, Any, Any]:
        end = len(partition.log) if owner.limit is None else owner.limit
        if partition is self.registrations:
            owner.taken = 1
            return route_registration(partition.log[owner.position], self.ports)
        owner.taken = 1 + self.choose(min(3, end - owner.position))
        batch = partition.log[owner.position : owner.position + owner.taken]
        return route_publications(batch, self.ports)

    def crash(self, partition: Partition) -> None:
        """Kill the owner between two steps; another starts from the committed offset."""
        if partition.owner.work is not None:
            partition.owner.work.close()
        partition.owner = Owner(partition.committed)

    def replace(self, partition: Partition) -> None:
        """Give the partition to another owner while the former goes on with what it fetched."""
        partition.owner.limit = len(partition.log)
        partition.former.append(partition.owner)
        partition.owner = Owner(partition.committed)

    def runnable(self) -> list[tuple[Partition, Owner]]:
        return [
            (partition, owner)
            for partition in self.partitions()
            for owner in partition.owners()
            if owner.work is not None
            or owner.position < (len(partition.log) if owner.limit is None else owner.limit)
        ]

    def run_to_the_end(self) -> None:
        """Let everybody run, in any order, until there is nothing left to do."""
        while ready := self.runnable():
            self.step(*ready[self.choose(len(ready))])

    def expected(self) -> dict[AgentKey, dict[str, bytes]]:
        """Return what each registered agent must hold in the end."""
        values: dict[str, Value] = {}
        for arrived in self.publications.log:
            if isinstance(arrived.record, Deletion):
                values.pop(arrived.key.data_key, None)
            elif POISON.encode() not in arrived.record.value.content:
                values[arrived.key.data_key] = arrived.record.value
        newest = {registered.key: registered.record for registered in self.registrations.log}
        return {
            key: {
                name: value.content
                for name, value in values.items()
                if any(is_met(need, value) for need in record.needs)
            }
            for key, record in newest.items()
            if isinstance(record, Registration)
        }

    def held(self) -> dict[AgentKey, dict[str, bytes | None]]:
        """Return what each agent that must hold something, or does, ends up with."""
        return {
            agent: {
                name: item.content
                for name, item in self.mail.holdings.get(agent, Holdings()).items.items()
            }
            for agent in self.expected()
        }
