"""Follows partitions of a topic and hands on what arrives, in order, one batch at a time.

Decides batching and back-pressure: the next batch is fetched into a bounded buffer, but handed on
only when the last one has been taken. Commits nothing: it starts where it is told. A broker that is
away is waited for by the client itself; what ends a tail is its sink's error or a fatal one, and
`ended` says so to whoever supervises.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as Consumed

from contex.log.consumption import consumer, received
from contex.log.failures import PASSING, failure
from contex.records.message import Received

BATCH_RECORDS_MAX = 500
BUFFER_BYTES_MAX = 16 * 1024 * 1024
BUFFER_RECORDS_MIN = 10_000
"""The client fetches ahead until it holds this many records, or the bytes above."""
FETCH_WAIT_MS_MAX = 100
POLL_TIMEOUT_S = 0.2


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of each partition, and how far they reach.

    Attributes:
        records: empty when only the end of a partition was reached.
        positions: per partition that moved, the next offset to come.
    """

    records: Sequence[Received]
    positions: Mapping[int, int]


Sink = Callable[[Batch], Awaitable[None]]


class Tail:
    """Reads in a thread of its own and awaits `sink` on the loop that started it.

    An offset that the log no longer holds makes it go on with the earliest that it does; a topic
    that does not exist is waited for, silently. Check the bounds first where either matters.

    Args:
        bootstrap: `host:port`, comma separated.
        topic: what to follow.
        sink: awaited with each batch; until it returns, nothing further is handed on.
    """

    def __init__(self, bootstrap: str, topic: str, sink: Sink) -> None:
        self._topic = topic
        self._sink = sink
        self._connect = partial(
            consumer,
            bootstrap,
            auto_offset_reset="earliest",
            fetch_wait_max_ms=FETCH_WAIT_MS_MAX,
            queued_min_messages=BUFFER_RECORDS_MIN,
            queued_max_messages_kbytes=BUFFER_BYTES_MAX // 1024,
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"tail-{topic}")
        self._task: asyncio.Task[None] | None = None

    def start(self, offsets: Mapping[int, int]) -> None:
        """Follow each partition of `offsets` from its offset on."""
        self._task = asyncio.create_task(self._follow(dict(offsets)), name=f"tail {self._topic}")

    @property
    def is_over(self) -> bool:
        """Whether it has been started and follows no more."""
        return self._task is not None and self._task.done()

    async def ended(self) -> None:
        """Wait until it is stopped.

        Raises:
            Exception: what ended it otherwise: its sink's error, or the client's fatal one.
        """
        if self._task is None:
            return
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def stop(self) -> None:
        """Stop following. A batch in the sink's hands is cancelled: nothing here is committed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    async def _follow(self, offsets: dict[int, int]) -> None:
        loop = asyncio.get_running_loop()
        client = self._connect()
        try:
            client.assign(
                [TopicPartition(self._topic, *place) for place in sorted(offsets.items())]
            )
            while True:
                batch = await loop.run_in_executor(self._thread, _fetch, client)
                if batch.positions:
                    await self._sink(batch)
        finally:
            # After the fetch that a cancellation left running: they share the one thread.
            self._thread.submit(client.close)


def _fetch(client: Consumer) -> Batch:
    first = client.poll(POLL_TIMEOUT_S)
    if first is None:
        return Batch((), {})
    records: list[Received] = []
    positions: dict[int, int] = {}
    for message in [first, *client.consume(BATCH_RECORDS_MAX - 1, timeout=0)]:
        error = message.error()
        if error is None:
            records.append(received(message))
            positions[message.partition()] = message.offset() + 1
        else:
            _judge(error, message, positions)
    return Batch(records, positions)


def _judge(error: KafkaError, message: Consumed, positions: dict[int, int]) -> None:
    """Note the end of a partition, pass over what heals by itself, raise what does not."""
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public spelling
        positions[message.partition()] = message.offset()
        return
    if error.code() not in PASSING:
        raise failure(error, f"following {message.topic()}")
