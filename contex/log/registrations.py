"""The registrations as they are now: a table that follows their compacted topic.

Decides which registration of an agent is the newest and when the table may be trusted. Holds every
registration of the log in memory. A record that cannot be read is passed over and counted; it does
not take back what is known of its agent. Never writes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from contex.errors import DependencyAway, InvalidRecord
from contex.log.admin import Cluster
from contex.log.tail import Batch, Tail
from contex.records.message import Received
from contex.records.names import AgentKey
from contex.records.registration import Registration, Unregistration
from contex.telemetry import metrics

_VIEW = "registrations"

_log = logging.getLogger(__name__)

Decode = Callable[[Received], Registration | Unregistration]


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent as the log has it.

    Attributes:
        epoch: the offset of its registration.
        partition: of that registration.
        registered_at_ms: the broker's clock when the registration was appended.
    """

    registration: Registration
    epoch: int
    partition: int
    registered_at_ms: int


class RegistrationsView:
    """Every agent's newest registration.

    Args:
        bootstrap: `host:port`, comma separated.
        topic: the compacted topic of the registrations.
        decode: reads a record; whatever it cannot read it answers with InvalidRecord.
    """

    def __init__(self, bootstrap: str, topic: str, decode: Decode) -> None:
        self._cluster = Cluster(bootstrap)
        self._topic = topic
        self._decode = decode
        self._tail = Tail(bootstrap, topic, self._apply)
        self._by_tenant: dict[str, dict[AgentKey, KnownAgent]] = {}
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] | None = None
        self._moved = asyncio.Condition()

    async def start(self) -> None:
        """Begin to follow the topic from its beginning.

        Raises:
            DependencyAway: the cluster does not answer.
            LogMisuse: the topic does not exist.
        """
        self._ends = await asyncio.to_thread(self._cluster.end_offsets, self._topic)
        self._positions = dict.fromkeys(self._ends, 0)
        self._tail.start(self._positions)

    async def stop(self) -> None:
        """Stop following; what is known stays readable."""
        await self._tail.stop()

    async def ended(self) -> None:
        """Wait until it is stopped; raise what ended it otherwise."""
        await self._tail.ended()

    @property
    def caught_up(self) -> bool:
        """Whether it holds everything that the topic held when it was started."""
        return self._ends is not None and all(
            self._positions[partition] >= end for partition, end in self._ends.items()
        )

    async def wait_caught_up(self, *, timeout_s: float) -> bool:
        """Wait until it is caught up; return whether it is in time.

        Raises:
            Exception: what ended it, if it never will be.
        """
        is_in_time = await self._wait(lambda: self.caught_up, timeout_s)
        if not is_in_time and self._tail.is_over:
            await self._tail.ended()
        return is_in_time

    async def caught_up_with(self, partition: int, offset: int, *, timeout_s: float) -> bool:
        """Wait until it has passed the record at `offset`; return whether it has in time."""
        return await self._wait(lambda: self._positions.get(partition, 0) > offset, timeout_s)

    async def wait_for(self, partition: int, offset: int, timeout_s: float) -> None:
        """Wait until it has passed the record at `offset`: read your own write.

        Raises:
            DependencyAway: it has not in `timeout_s`.
        """
        if not await self.caught_up_with(partition, offset, timeout_s=timeout_s):
            raise DependencyAway(
                f"the view of {self._topic} did not reach {partition}@{offset} in {timeout_s} s"
            )

    def get(self, key: AgentKey) -> KnownAgent | None:
        """Return the agent, or None if it never registered or left."""
        return self._by_tenant.get(key.scope.tenant, {}).get(key)

    def of_tenant(self, tenant: str) -> Sequence[KnownAgent]:
        """Return the tenant's agents, in any order."""
        return tuple(self._by_tenant.get(tenant, {}).values())

    def __len__(self) -> int:
        return sum(map(len, self._by_tenant.values()))

    def __iter__(self) -> Iterator[KnownAgent]:
        return (agent for agents in self._by_tenant.values() for agent in agents.values())

    async def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(condition)
        except TimeoutError:
            return False
        return True

    async def _apply(self, batch: Batch) -> None:
        # In a thread: a schema that is seen for the first time is asked of the registry.
        for record, received in await asyncio.to_thread(self._decoded, batch.records):
            self._remember(record, received)
        async with self._moved:
            self._positions.update(batch.positions)
            self._moved.notify_all()

    def _decoded(
        self, records: Sequence[Received]
    ) -> list[tuple[Registration | Unregistration, Received]]:
        """Read records, but for those that cannot be read."""
        found = []
        for received in records:
            try:
                found.append((self._decode(received), received))
            except InvalidRecord as error:
                metrics.VIEW_RECORDS_SKIPPED.labels(_VIEW).inc()
                _log.warning(
                    "passed over a record that is no registration: %s",
                    error,
                    extra={"partition": received.partition, "offset": received.offset},
                )
        return found

    def _remember(self, record: Registration | Unregistration, received: Received) -> None:
        agents = self._by_tenant.setdefault(record.key.scope.tenant, {})
        if isinstance(record, Unregistration):
            agents.pop(record.key, None)
            return
        agents[record.key] = KnownAgent(
            registration=record,
            epoch=received.offset,
            partition=received.partition,
            registered_at_ms=received.timestamp_ms,
        )
