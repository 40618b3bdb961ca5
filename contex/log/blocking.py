"""A producer and a consumer for code that waits: the same configuration, without an event loop.

Decides bounds and what the client's errors mean. Decides nothing about records.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Consumer as ConsumerClient
from confluent_kafka import Message as Delivered
from confluent_kafka import Producer as ProducerClient
from confluent_kafka.admin import TopicMetadata

from contex.errors import DependencyAway
from contex.log.consumption import received
from contex.log.failures import PASSING, UNSETTLED, failure
from contex.log.offsets import SETTLE_STEP_S, committed
from contex.log.producing import DELIVERY_TIMEOUT_S, RECONNECT_BACKOFF_S_MAX, configuration
from contex.log.receipts import receipt_or_error
from contex.records.message import Message, Receipt, Received

POLL_TIMEOUT_S = 0.1
CLOSE_TIMEOUT_S = 10.0
METADATA_TIMEOUT_S = 10.0
FETCH_WAIT_S = 0.1
QUEUE_BYTES_MAX = 32 * 1024 * 1024
UNUSED_GROUP = "contex-unused"
"""The client insists on a group's name, though none is joined."""

Offsets = Mapping[int, int]
OnAssign = Callable[[Offsets], None]
"""Told, by partition, from which offset on its records are still to be handled."""
OnRevoke = Callable[[Collection[int]], None]
_log = logging.getLogger(__name__)


class BlockingProducer:
    """Writes records and waits until the brokers have acknowledged them. Safe between threads.

    Args:
        bootstrap: `host:port`, comma separated.
        linger_ms: how long a batch waits for company.
        client: more of the Kafka client's configuration, such as its security.
    """

    def __init__(self, bootstrap: str, *, linger_ms: int, client: Mapping[str, object]) -> None:
        self._client = ProducerClient(
            {**client, **configuration(bootstrap, linger_ms)},
            logger=logging.getLogger(f"{__name__}.producer"),
        )

    def send_all(self, topic: str, messages: Iterable[Message]) -> list[Receipt]:
        """Write records in one flight; return where each stands.

        Raises:
            DependencyAway: any of them was not acknowledged; it and others may still be written.
            LimitExceeded: one is larger than is permitted, and no dependency was away.
            LogMisuse: the topic does not exist, or forbids such a record.
        """
        outcomes: list[Receipt | Exception | None] = []
        for message in messages:
            outcomes.append(None)
            self._produce(topic, message, _noting(outcomes, len(outcomes) - 1))
        deadline_s = time.monotonic() + DELIVERY_TIMEOUT_S + CLOSE_TIMEOUT_S
        while None in outcomes:
            self._client.poll(POLL_TIMEOUT_S)
            if time.monotonic() > deadline_s:
                raise DependencyAway(f"producing to {topic}: no acknowledgement in time")
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        # An absent dependency first: whoever repeats meets the other errors again.
        if errors:
            raise min(errors, key=lambda one: not isinstance(one, DependencyAway))
        return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]

    def close(self) -> None:
        """Wait, bounded, for what is under way."""
        self._client.flush(CLOSE_TIMEOUT_S)

    def _produce(
        self, topic: str, message: Message, note: Callable[[KafkaError | None, Delivered], None]
    ) -> None:
        deadline_s = time.monotonic() + DELIVERY_TIMEOUT_S
        while True:
            try:
                self._client.produce(
                    topic,
                    value=message.value,
                    key=message.key,
                    headers=list(message.headers),
                    on_delivery=note,
                )
            except BufferError as error:
                if time.monotonic() > deadline_s:
                    raise DependencyAway("the producer's queue stayed full") from error
                self._client.poll(POLL_TIMEOUT_S)
            except KafkaException as error:
                raise failure(error.args[0], f"producing to {topic}") from error
            else:
                self._client.poll(0)
                return


def _noting(
    outcomes: list[Receipt | Exception | None], place: int
) -> Callable[[KafkaError | None, Delivered], None]:
    def note(error: KafkaError | None, sent: Delivered) -> None:
        outcomes[place] = receipt_or_error(error, sent)

    return note


class BlockingConsumer:
    """Reads partitions of one topic, from their first record on.

    What lies before the place from which records are still to be handled is read as well: a reader
    whose state is made of all records needs it. Not to be shared between threads.

    Args:
        bootstrap: `host:port`, comma separated.
        topic: what to read.
        group: its committed offsets say where to go on, or None when partitions are assigned.
        client: more of the Kafka client's configuration, such as its security.
    """

    def __init__(
        self, bootstrap: str, topic: str, *, group: str | None, client: Mapping[str, object]
    ) -> None:
        self._topic = topic
        self._closing = False
        self._failed: Exception | None = None
        self._client = ConsumerClient(
            {
                **client,
                "bootstrap.servers": bootstrap,
                "group.id": group or UNUSED_GROUP,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": group is not None,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": int(FETCH_WAIT_S * 1000),
                "queued.max.messages.kbytes": QUEUE_BYTES_MAX // 1024,
                "reconnect.backoff.max.ms": int(RECONNECT_BACKOFF_S_MAX * 1000),
            },
            logger=logging.getLogger(f"{__name__}.consumer"),
        )

    def partitions(self) -> int:
        """Return how many partitions the topic has.

        Raises:
            DependencyAway: no broker answers.
            LogMisuse: there is no such topic.
        """
        topic = self._look()
        if topic.error is not None:
            raise failure(topic.error, f"looking at {self._topic}")
        return len(topic.partitions)

    def end(self, partition: int) -> int:
        """Return the offset that the partition's next record will have.

        Raises:
            DependencyAway: no broker answers, or the partition has had no leader for too long.
        """
        what = f"asking for the end of {self._topic}/{partition}"
        place = TopicPartition(self._topic, partition)
        deadline_s = time.monotonic() + METADATA_TIMEOUT_S
        while True:
            try:
                _, end = self._client.get_watermark_offsets(place, timeout=METADATA_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() not in UNSETTLED:
                    raise failure(error.args[0], what) from error
                if time.monotonic() > deadline_s:
                    raise DependencyAway(f"{what}: {error.args[0].str()}") from error
            else:
                return int(end)
            time.sleep(SETTLE_STEP_S)
            self._look()  # else the client says out of its memory that there is no such partition

    def assign(self, partition: int) -> None:
        """Read one partition, without a group."""
        self._client.assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING)])

    def subscribe(self, on_assign: OnAssign, on_revoke: OnRevoke) -> None:
        """Join the group; it shares the partitions out among its members.

        Where the group stands is asked whenever partitions are gained. If that cannot be known,
        the next poll closes the consumer, so that other members get its partitions, and raises.
        """

        def gained(client: ConsumerClient, gained: Sequence[TopicPartition]) -> None:
            if self._closing:  # it leaves: what it is given now, it will not read
                return
            try:
                marks = committed(client, gained, timeout_s=METADATA_TIMEOUT_S)
            except KafkaException as error:  # nothing may be raised here: the next poll does
                self._failed = failure(error.args[0], f"asking where {self._topic} goes on")
                return
            on_assign({partition: offset for (_, partition), offset in marks.items()})
            client.incremental_assign(
                [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in gained]
            )

        def given(client: ConsumerClient, given: Sequence[TopicPartition]) -> None:
            on_revoke([one.partition for one in given])
            with suppress(KafkaException):  # lost partitions are gone already
                client.incremental_unassign(list(given))

        self._client.subscribe([self._topic], on_assign=gained, on_revoke=given, on_lost=given)

    def poll(self, timeout_s: float) -> Received | None:
        """Return the next record, or None if there is none in time. Absent brokers are waited for.

        Raises:
            DependencyAway: the client cannot go on; or the consumer has ended, because it was
                closed or could not learn where its group stands. Another one is needed then.
            LogMisuse: the topic does not exist.
        """
        if self._closing:
            why = self._failed or "it was closed"
            raise DependencyAway(f"the consumer has ended: {why}") from self._failed
        message = self._client.poll(timeout_s)
        if self._failed is not None:
            self.close()  # a member that reads nothing would keep its partitions from the others
            raise self._failed
        if message is None:
            return None
        reported = message.error()
        if reported is None:
            return received(message)
        if reported.code() not in _WAITED_FOR:
            raise failure(reported, f"reading {self._topic}")
        return None

    def handled(self, partition: int, next_offset: int) -> None:
        """Let the group go on at `next_offset`: what is before it has been handled."""
        with suppress(KafkaException):  # the partition was given away meanwhile
            self._client.store_offsets(
                offsets=[TopicPartition(self._topic, partition, next_offset)]
            )

    def close(self) -> None:
        """Commit what was handled, leave the group and disconnect, if brokers answer in time.

        The client waits for absent brokers without limit, and no signal reaches Python meanwhile:
        so another thread closes it, and is left to itself when it takes too long.
        """
        if self._closing:
            return
        self._closing = True
        closing = threading.Thread(
            target=self._client.close, name="contex-consumer-close", daemon=True
        )
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)
        if closing.is_alive():
            _log.warning(
                "the brokers did not let the consumer of %s go in %g s: what it has not committed "
                "is read again",
                self._topic,
                CLOSE_TIMEOUT_S,
            )

    def _look(self) -> TopicMetadata:
        """Ask the cluster about the topic; the client remembers the answer."""
        try:
            found = self._client.list_topics(self._topic, timeout=METADATA_TIMEOUT_S)
        except KafkaException as error:
            raise failure(error.args[0], f"looking at {self._topic}") from error
        return found.topics[self._topic]


_WAITED_FOR = PASSING | {
    KafkaError._PARTITION_EOF,  # noqa: SLF001 - the client's public spelling of its local codes
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - as above; the next poll joins again
}
