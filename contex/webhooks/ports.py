"""What delivery needs of the world, as the smallest interfaces it can do with.

Decides nothing. The Kafka side is filled in by the worker; tests fill in plain Python.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from contex.records.message import Message, Received
from contex.records.names import AgentKey
from contex.records.registration import Registration
from contex.webhooks.attempts import Result

Partition = tuple[str, int]
Offsets = Mapping[Partition, int]
"""Per partition the next offset to be read."""


class KnownAgent(Protocol):
    """An agent's newest registration and its offset."""

    @property
    def registration(self) -> Registration:
        """What the agent registered."""
        ...

    @property
    def epoch(self) -> int:
        """The registration's offset."""
        ...


class Agents(Protocol):
    """Looks agents up."""

    async def find(self, agent: AgentKey, epoch: int) -> KnownAgent | None:
        """Return the agent as it is once everything up to `epoch` is known; None if it left.

        Raises:
            InvalidRecord: if no registration has this epoch.
            DependencyAway: if the registrations cannot be read in time.
        """
        ...


class Log(Protocol):
    """Writes records."""

    async def send(self, topic: str, message: Message) -> object:
        """Write one record and return once it is acknowledged.

        Raises:
            DependencyAway: if it is not.
            LimitExceeded: if it is too large.
        """
        ...


class Poster(Protocol):
    """Makes requests."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Send `body` once and say what came of it; never raises for the endpoint's faults."""
        ...


class Feed(Protocol):
    """Reads a group's partitions."""

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that are ours now."""
        ...

    async def poll(self, records_max: int, timeout_s: float) -> list[Received]:
        """Return the next records, or none after `timeout_s`."""
        ...

    async def pause(self, partitions: Collection[Partition]) -> None:
        """Return no more records of these partitions."""
        ...

    async def resume(self, partitions: Collection[Partition]) -> None:
        """Return records of these partitions again."""
        ...

    async def hold(self, offsets: Offsets) -> None:
        """Pause partitions so that, once resumed, they go on from these offsets."""
        ...

    async def commit(self, offsets: Offsets) -> None:
        """Ask for offsets to be committed."""
        ...
