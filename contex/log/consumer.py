"""The plain consumer: records of a group's partitions, with pausing, seeking and manual commits.

Decides how the Kafka client is driven: one thread does all of it, in turn, so that a commit, a
pause or a rebalance never happens in the middle of another. Decides nothing about records.

A batch holds no record of a partition that was taken away while the batch was gathered: finishing
one would commit past records that now belong to another member.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import ParamSpec, TypeVar

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Delivered

from contex.errors import DependencyAway
from contex.log.consumption import RECONNECT_BACKOFF_S_MAX, received
from contex.log.failures import failure
from contex.records.message import Received

SESSION_TIMEOUT_S = 10.0
"""Longer than a broker takes to come back: the client then gives its partitions up."""
HEARTBEAT_S = 2.0
POLL_INTERVAL_S_MAX = 60.0
"""A loop that does not poll for this long is hung: its partitions go to another member."""
FETCH_WAIT_S = 0.1
"""How long a fetch waits for data, and so how late a resumed partition may be."""
FETCH_BYTES_MAX = 16 * 1024 * 1024
PARTITION_FETCH_BYTES_MAX = 1024 * 1024
QUEUE_BYTES_MAX = 32 * 1024 * 1024
AWAY_S_MAX = 60.0
"""How long the brokers may be away before the process gives up."""
REVOKE_S_MAX = 10.0
LEAVE_S_MAX = 5.0
CLOSE_S_MAX = 20.0
_PROBE_TIMEOUT_S = 1.0
_LEAVE_POLL_S = 0.1

Partition = tuple[str, int]
Offsets = Mapping[Partition, int]
OnRevoke = Callable[[frozenset[Partition]], Awaitable[Offsets]]
"""Told which partitions are about to leave; returns what may be committed of them."""

_BENIGN = frozenset(
    {
        KafkaError._PARTITION_EOF,  # noqa: SLF001 - the client's public spelling of its local codes
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - as above; the next poll joins again
        KafkaError._TRANSPORT,  # noqa: SLF001 - as above; it reconnects by itself
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - as above; bounded by AWAY_S_MAX
    }
)
_NO_LONGER_OURS = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._NO_OFFSET,  # noqa: SLF001 - as above
    }
)
_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")


def configuration(bootstrap: str, group: str) -> dict[str, object]:
    """Return the client's configuration."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": int(SESSION_TIMEOUT_S * 1000),
        "heartbeat.interval.ms": int(HEARTBEAT_S * 1000),
        "max.poll.interval.ms": int(POLL_INTERVAL_S_MAX * 1000),
        "fetch.wait.max.ms": int(FETCH_WAIT_S * 1000),
        "fetch.max.bytes": FETCH_BYTES_MAX,
        "max.partition.fetch.bytes": PARTITION_FETCH_BYTES_MAX,
        "queued.max.messages.kbytes": QUEUE_BYTES_MAX // 1024,
        "reconnect.backoff.max.ms": int(RECONNECT_BACKOFF_S_MAX * 1000),
    }


class Consumer:
    """A member of a group. Bound to the event loop that started it.

    Args:
        bootstrap: `host:port`, comma separated.
        group: the consumer group.
        topics: what it subscribes to.
        on_revoke: awaited on the loop before partitions leave, for at most `REVOKE_S_MAX`; it must
            not call this consumer.
        away_s_max: how long the brokers may be away.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        on_revoke: OnRevoke,
        *,
        away_s_max: float = AWAY_S_MAX,
    ) -> None:
        self._configuration = configuration(bootstrap, group)
        self._topics = list(topics)
        self._on_revoke = on_revoke
        self._away_s_max = away_s_max
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="contex-consumer")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._assigned: set[Partition] = set()
        self._batch: list[Received] = []
        self._uncommitted: dict[Partition, int] = {}
        self._away_since: float | None = None

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that are this member's now."""
        return frozenset(self._assigned)

    async def start(self) -> None:
        """Join the group."""
        self._loop = asyncio.get_running_loop()
        await self._do(self._subscribe)

    async def poll(self, records_max: int, timeout_s: float) -> list[Received]:
        """Return the next records, as soon as there is one, or none after `timeout_s`.

        Raises:
            DependencyAway: the brokers have been away for too long.
            LogMisuse: a topic does not exist.
        """
        return await self._do(self._poll, records_max, timeout_s)

    async def pause(self, partitions: Collection[Partition]) -> None:
        """Return no more records of these partitions."""
        await self._do(self._steer, "pause", partitions)

    async def resume(self, partitions: Collection[Partition]) -> None:
        """Return records of these partitions again."""
        await self._do(self._steer, "resume", partitions)

    async def hold(self, offsets: Offsets) -> None:
        """Pause partitions so that, once resumed, they go on from these offsets."""
        await self._do(self._hold, offsets)

    async def commit(self, offsets: Offsets) -> None:
        """Ask for offsets (each the next to be read) to be committed; failures are repeated."""
        await self._do(self._commit, offsets)

    async def stop(self, offsets: Offsets) -> None:
        """Commit `offsets`, leave the group and disconnect.

        Raises:
            DependencyAway: the group could not be left in time; only the process's end helps.
        """
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._do(self._close, offsets)
        except TimeoutError as error:
            raise DependencyAway(f"the group was not left in {CLOSE_S_MAX:.0f} s") from error
        self._thread.shutdown()

    async def _do(self, act: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        assert self._loop is not None, "the consumer was started"
        return await self._loop.run_in_executor(self._thread, partial(act, *args, **kwargs))

    # Everything below runs in the consumer's own thread.

    def _subscribe(self) -> None:
        self._client = Client(
            {
                **self._configuration,
                "error_cb": self._observe_error,
                "on_commit": self._observe_commit,
            },
            logger=_client_log,
        )
        self._client.subscribe(
            self._topics, on_assign=self._gain, on_revoke=self._give, on_lost=self._lose
        )

    @property
    def _kafka(self) -> Client:
        assert self._client is not None, "the consumer runs"
        return self._client

    def _poll(self, records_max: int, timeout_s: float) -> list[Received]:
        self._batch = []
        delivered = self._kafka.poll(timeout_s)
        while delivered is not None:
            self._take(delivered)
            if len(self._batch) >= records_max:
                break
            delivered = self._kafka.poll(0)
        if self._batch:
            self._away_since = None
        self._check_away()
        return self._batch

    def _take(self, delivered: Delivered) -> None:
        error = delivered.error()
        if error is None:
            self._batch.append(received(delivered))
        elif error.fatal() or error.code() not in _BENIGN:
            raise failure(error, "consuming")

    def _check_away(self) -> None:
        if self._away_since is None:
            return
        try:
            self._kafka.list_topics(self._topics[0], timeout=_PROBE_TIMEOUT_S)
        except KafkaException as error:
            away_s = time.monotonic() - self._away_since
            if away_s > self._away_s_max:
                raise DependencyAway(f"Kafka has been away for {away_s:.0f} s") from error
        else:
            self._away_since = None
            self._request_commit(self._uncommitted)

    def _steer(self, act: str, partitions: Collection[Partition]) -> None:
        ours = [TopicPartition(*one) for one in partitions if one in self._assigned]
        if ours:
            getattr(self._kafka, act)(ours)

    def _hold(self, offsets: Offsets) -> None:
        ours = {one: offset for one, offset in offsets.items() if one in self._assigned}
        self._steer("pause", ours)
        for (topic, partition), offset in ours.items():
            self._kafka.seek(TopicPartition(topic, partition, offset))

    def _commit(self, offsets: Offsets) -> None:
        ours = {one: offset for one, offset in offsets.items() if one in self._assigned}
        self._uncommitted.update(ours)
        self._request_commit(self._uncommitted)

    def _request_commit(self, offsets: Offsets) -> None:
        if offsets:
            self._kafka.commit(offsets=_marks(offsets), asynchronous=True)

    def _commit_now(self, offsets: Offsets) -> None:
        if not offsets:
            return
        try:
            self._kafka.commit(offsets=_marks(offsets), asynchronous=False)
        except KafkaException as error:
            _log.warning("commit failed, the records will be taken again: %s", error)

    def _close(self, offsets: Offsets) -> None:
        if self._client is None:
            return
        self._commit_now({one: at for one, at in offsets.items() if one in self._assigned})
        # Closing would wait for ever for a rebalance that is already queued: polling serves it.
        self._client.unsubscribe()
        deadline = time.monotonic() + LEAVE_S_MAX
        while self._assigned and time.monotonic() < deadline:
            self._client.poll(_LEAVE_POLL_S)
        self._client.poll(0)
        self._client.close()
        self._client = None

    def _gain(self, _client: Client, partitions: list[TopicPartition]) -> None:
        self._assigned.update(_names(partitions))
        self._away_since = None

    def _give(self, _client: Client, partitions: list[TopicPartition]) -> None:
        self._commit_now(self._leave(partitions))

    def _lose(self, _client: Client, partitions: list[TopicPartition]) -> None:
        self._leave(partitions)

    def _leave(self, partitions: list[TopicPartition]) -> Offsets:
        """Forget partitions; return what may be committed of them.

        The client remembers a pause beyond the partition's absence, and we do not: what comes back
        must not be paused for ever.
        """
        leaving = _names(partitions)
        self._steer("resume", leaving)
        self._assigned -= leaving
        self._batch[:] = [one for one in self._batch if (one.topic, one.partition) not in leaving]
        for one in leaving:
            self._uncommitted.pop(one, None)
        assert self._loop is not None, "the consumer was started"
        told = asyncio.run_coroutine_threadsafe(self._tell(leaving), self._loop)
        try:
            return told.result(REVOKE_S_MAX)
        except (FutureTimeoutError, CancelledError):
            _log.warning("partitions left before their records were finished")
            return {}

    async def _tell(self, leaving: frozenset[Partition]) -> Offsets:
        return await self._on_revoke(leaving)

    def _observe_error(self, error: KafkaError) -> None:
        down = error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - the client's public spelling of its local codes
        _client_log.log(logging.WARNING if down else logging.DEBUG, "kafka: %s", error.str())
        if down and self._away_since is None:
            self._away_since = time.monotonic()

    def _observe_commit(self, error: KafkaError | None, marks: list[TopicPartition]) -> None:
        for mark in marks:
            one, failed = (mark.topic, mark.partition), mark.error or error
            if failed is None and self._uncommitted.get(one) == mark.offset:
                del self._uncommitted[one]
            elif failed is not None and failed.code() in _NO_LONGER_OURS:
                self._uncommitted.pop(one, None)
        if error is None:
            self._away_since = None


def _names(partitions: list[TopicPartition]) -> frozenset[Partition]:
    return frozenset((one.topic, one.partition) for one in partitions)


def _marks(offsets: Offsets) -> list[TopicPartition]:
    return [TopicPartition(*one, offset) for one, offset in offsets.items()]
