"""Read agents' feeds from the topic of updates, by the same rule as every other reader.

Decides which records concern the reader's agents and what of them is news. A state that is made of
all records is made again at every start: what lies before the cursor, or before what the group has
committed, is read in silence, as far as the topic still holds it.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Self

from contex.errors import InvalidRecord, InvalidValue
from contex.kafka.connection import Connection
from contex.log.blocking import POLL_TIMEOUT_S, BlockingConsumer
from contex.log.partitioner import partition_for
from contex.records.cursor import Cursor
from contex.records.holdings import Holdings
from contex.records.message import Received
from contex.records.names import AgentKey
from contex.records.topics import UPDATES
from contex.records.update import Item, Update

AGENTS_MAX: Final = 10_000
_log = logging.getLogger(__name__)


class Consumer:
    """Iterate over it for what agents are told: in order, and without what is no news.

    One agent's feed is in one partition, which is read alone; `cursor` says where to go on. For
    several agents name a `group`: its members share the partitions out. What was told counts as
    dealt with when the next update is asked for, and is committed every 5 s and on closing: after a
    crash, what was not committed is told again. It ends when it is closed, from whichever thread.

    Args:
        agents: one agent's id, or several.
        project: else CONTEX_PROJECT.
        group: the consumer group; needed for several agents.
        cursor: of one agent: where to go on, as `cursor` said; else all that the topic holds.
        tenant: else CONTEX_TENANT, else `default`.
        bootstrap: `host:port`, comma separated; else KAFKA_BOOTSTRAP_SERVERS.
        schema_registry_url: else SCHEMA_REGISTRY_URL; without any, the fixed ids of the package.
        client: more of the Kafka client's configuration, such as its security.

    Raises:
        InvalidName: an agent or the project is no name.
        InvalidValue: the cursor is another agent's, or beyond the end, or goes with a group.
        DependencyAway: Kafka does not answer.
    """

    def __init__(
        self,
        agents: str | Sequence[str],
        *,
        project: str | None = None,
        group: str | None = None,
        cursor: str | None = None,
        tenant: str | None = None,
        bootstrap: str | None = None,
        schema_registry_url: str | None = None,
        client: Mapping[str, object] | None = None,
    ) -> None:
        connection = Connection(
            project=project,
            tenant=tenant,
            bootstrap=bootstrap,
            schema_registry_url=schema_registry_url,
            client=client or {},
        )
        keys = _keys(agents, connection)
        if group is None and len(keys) > 1:
            raise InvalidValue("several agents need a group", field="group")
        if group is not None and cursor is not None:
            raise InvalidValue("a group has its own place, and takes no cursor", field="cursor")
        self._grouped = group is not None
        self._agents = {str(key).encode(): key for key in keys}
        self._held: dict[AgentKey, Holdings] = {}
        self._codec = connection.codec()
        self._tell_from: dict[int, int] = {}
        self._next: tuple[int, int] | None = None
        self._unread: Received | None = None
        self._places: dict[AgentKey, int] = {}
        self._connected = True
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._consumer = BlockingConsumer(
            connection.servers, UPDATES, group=group, client=connection.client
        )
        try:
            self._begin(cursor)
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Update:
        while not self._closed.is_set():
            update = self.poll(POLL_TIMEOUT_S)
            if update is not None:
                return update
        self.close()
        raise StopIteration

    def poll(self, timeout_s: float) -> Update | None:
        """Return the next update, or None if none was read within `timeout_s`, or it is closed.

        Raises:
            DependencyAway: the registry does not answer (the next call tries the same record
                again), or Kafka's client cannot go on. A member that cannot learn where its group
                stands leaves it and has ended: make another.
        """
        with self._reading:
            try:
                return None if self._closed.is_set() else self._poll(timeout_s)
            finally:
                self._disconnect_if_closed()

    def holdings(self, agent_id: str | None = None) -> Mapping[str, Item]:
        """Return what an agent holds by all that was read; the only one's when none is named."""
        for key in self._agents.values():
            if key.agent_id == agent_id or (agent_id is None and len(self._agents) == 1):
                return self._held.get(key, Holdings()).items
        raise InvalidValue("name one of the agents that are read", field="agent_id")

    @property
    def cursor(self) -> str | None:
        """Where one agent's feed goes on after what was told; None for a group."""
        if self._grouped:
            return None
        [partition] = self._tell_from
        told = self._next or (partition, self._tell_from[partition])
        return str(Cursor(*told))

    def close(self) -> None:
        """End the iteration, in this thread or another; commit what was dealt with.

        Absent brokers are waited for 10 s at most; what was not committed is told again.
        """
        self._closed.set()
        if self._reading.acquire(blocking=False):  # else whoever reads disconnects
            try:
                self._disconnect_if_closed()
            finally:
                self._reading.release()

    def _disconnect_if_closed(self) -> None:
        if self._closed.is_set() and self._connected:
            self._connected = False
            self._consumer.close()

    def _begin(self, cursor: str | None) -> None:
        partitions = self._consumer.partitions()
        self._places = {
            key: partition_for(encoded, partitions) for encoded, key in self._agents.items()
        }
        if self._grouped:
            self._consumer.subscribe(self._gain, self._give)
            return
        [partition] = self._places.values()
        at = Cursor(partition, 0) if cursor is None else Cursor.parse(cursor)
        if at.partition != partition:
            raise InvalidValue("cursor belongs to another agent's feed", field="cursor")
        if at.offset > self._consumer.end(partition):  # of a topic that was made anew
            raise InvalidValue("cursor lies beyond the end of the feed", field="cursor")
        self._tell_from[partition] = at.offset
        self._consumer.assign(partition)

    def _poll(self, timeout_s: float) -> Update | None:
        deadline_s = time.monotonic() + timeout_s
        if self._next is not None:
            self._move(*self._next)
        left_s = timeout_s
        while not self._closed.is_set():
            if self._unread is None:
                self._unread = self._consumer.poll(left_s)
            if self._unread is not None:
                update = self._take(self._unread)
                self._unread = None
                if update is not None:
                    return update
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
        return None

    def _take(self, received: Received) -> Update | None:
        """Apply a record; return what it tells, or None if that is nothing new."""
        place = received.partition, received.offset + 1
        told = None
        agent = self._agents.get(received.key or b"")
        if agent is not None:
            told = self._apply(received, agent)
        if received.offset < self._tell_from.get(received.partition, 0):
            return None
        if told is None:
            self._move(*place)
        self._next = place
        return told

    def _apply(self, received: Received, agent: AgentKey) -> Update | None:
        try:
            update = self._codec.update(received)
        except InvalidRecord as error:
            _log.warning(
                "passed over a record that is no update: %s",
                error,
                extra={"partition": received.partition, "offset": received.offset},
            )
            return None
        items = self._held.setdefault(agent, Holdings()).news(update)
        return None if items is None else replace(update, items=tuple(items))

    def _move(self, partition: int, next_offset: int) -> None:
        if self._grouped and partition in self._tell_from:
            self._consumer.handled(partition, next_offset)

    def _gain(self, offsets: Mapping[int, int]) -> None:
        self._tell_from.update(offsets)

    def _give(self, partitions: Collection[int]) -> None:
        """Forget what is no longer read here: whoever reads it now knows it better."""
        gone = set(partitions)
        for partition in gone:
            self._tell_from.pop(partition, None)
        for key in [one for one in self._held if self._places[one] in gone]:
            del self._held[key]
        if self._next is not None and self._next[0] in gone:
            self._next = None
        if self._unread is not None and self._unread.partition in gone:
            self._unread = None


def _keys(agents: str | Sequence[str], connection: Connection) -> list[AgentKey]:
    scope = connection.scope()
    named = [agents] if isinstance(agents, str) else list(agents)
    if not 1 <= len(named) <= AGENTS_MAX:
        raise InvalidValue(
            f"agents must be 1 to {AGENTS_MAX:,} names, got {len(named):,}", field="agents"
        )
    return [AgentKey(scope, name) for name in named]
