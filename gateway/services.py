"""What the operations work with: the log and what is kept of it, seen as small ports.

Decides nothing. Clocks and ids are handed in, so that an operation is the same in a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contex.log.reader import Bounds, Span
from contex.log.registrations import KnownAgent
from contex.query.ports import QueryPorts
from contex.records.codec import Codec
from contex.records.message import Message, Receipt, Received
from contex.records.names import AgentKey, Scope, check_name
from contex.webhooks.addresses import Network
from contex.webhooks.secrets import SecretBox
from gateway.operations.turns import Turns


class Sender(Protocol):
    """Writes a record and awaits the broker's acknowledgement."""

    async def send(self, topic: str, message: Message) -> Receipt:
        """Return where the record stands. Raises DependencyAway or LimitExceeded."""
        ...

    async def send_each(self, topic: str, messages: Sequence[Message]) -> list[Receipt | Exception]:
        """Write records in one flight; return per record its receipt, or what `send` raises."""
        ...


class LogReader(Protocol):
    """Bounded reads at any place of the log. Every call may raise DependencyAway."""

    async def record_at(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return the record that stands exactly there, or None."""
        ...

    async def span(self, topic: str, partition: int, start: int, end: int) -> Span:
        """Return some records from `start`, none at or after `end`. May raise OffsetGone."""
        ...

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Return what the partition holds now."""
        ...

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """Return the next offset to be written, by partition."""
        ...

    async def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        """Return the first offset whose timestamp is at or after `time_ms`, or the end."""
        ...


class Agents(Protocol):
    """The gateway's own view of the registrations; it follows the log."""

    def get(self, key: AgentKey) -> KnownAgent | None:
        """Return what the view has of `key`."""
        ...

    def of_tenant(self, tenant: str) -> Sequence[KnownAgent]:
        """Return the tenant's agents, in any order."""
        ...

    async def caught_up_with(self, partition: int, offset: int, *, timeout_s: float) -> bool:
        """Wait until the view has the record at `offset`; return whether it has in time."""
        ...


class Known(Protocol):
    """What queries and lists are answered from."""

    async def ports(self) -> QueryPorts:
        """Return the index and the embedder. Raises DependencyAway while they are not there."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an operation may use."""

    sender: Sender
    reader: LogReader
    agents: Agents
    knowledge: Known
    codec: Codec
    secrets: SecretBox
    webhook_allow: tuple[Network, ...]
    clock_ms: Callable[[], int]
    new_id: Callable[[], str]
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Call:
    """On whose behalf an operation runs.

    Attributes:
        tenant: from the caller's identity.
        traceparent: the W3C trace context that goes into the log, or None.
        idempotency_key: names the call, so that a repeat writes the same event, or None.
    """

    tenant: str
    traceparent: str | None = None
    idempotency_key: str | None = None

    def scope(self, project_id: str) -> Scope:
        """Return the project of the caller's tenant that is meant.

        Raises:
            InvalidName: naming `project_id`, as requests and paths call it.
        """
        return Scope(self.tenant, check_name(project_id, "project_id"))
