"""The one producer: a record is written once, in its key's partition, or the caller is told.

Decides acknowledgement, placement and the bounds of waiting. A failed send may still have been
written (its acknowledgement was lost): repeating it is the caller's decision, and every consumer
drops duplicates by id. After a fatal error of the idempotent producer, which librdkafka raises when
it can no longer promise order without duplicates, every send fails with DependencyAway and
`fatal_error` says why: the process must exit and start anew.

Bound to the event loop that started it and to its process: never use it after a fork.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as Delivered
from confluent_kafka import Producer as Client

from contex.errors import ContexError, DependencyAway
from contex.log.failures import LogMisuse, failure
from contex.log.producing import DELIVERY_TIMEOUT_S, configuration
from contex.log.receipts import receipt_or_error
from contex.log.warming import ClientLog, warm_up
from contex.records.message import Message, Receipt
from contex.telemetry import metrics
from contex.telemetry.line import PRODUCE, timed

STOP_TIMEOUT_S = 10.0
POLL_TIMEOUT_S = 0.1

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")

_Acknowledgement = asyncio.Future[Receipt]
_Outcome = Receipt | Exception
_Settlement = tuple[_Acknowledgement, Receipt | Exception]


class Producer:
    """Sends records and awaits the broker's acknowledgement of each.

    Args:
        bootstrap: `host:port`, comma separated.
        linger_ms: how long a batch waits for company: 0 where a caller waits, 5 to 20 for bulk.
        compression: the codec for what else a topic would not take, or none.
    """

    def __init__(self, bootstrap: str, *, linger_ms: int = 0, compression: str = "none") -> None:
        self._configuration = {
            **configuration(bootstrap, linger_ms),
            "compression.type": compression,
        }
        self._client: Client | None = None
        self._poller: _Poller | None = None
        self._pending: set[_Acknowledgement] = set()
        self._room = asyncio.Event()
        self._fatal: str | None = None

    @property
    def fatal_error(self) -> str | None:
        """Why this producer can never send again, or None."""
        return self._fatal

    async def start(self) -> None:
        """Connect and acquire the producer id, so that the first send is fast. Writes no record.

        Raises:
            DependencyAway: no broker gave out a producer id in `WARM_UP_TIMEOUT_S`.
        """
        client_log = ClientLog(_client_log)
        observed = {"error_cb": self._observe_error, "debug": ClientLog.DEBUG}
        client = Client({**self._configuration, **observed}, logger=client_log)
        try:
            await asyncio.to_thread(warm_up, client, client_log)
        except KafkaException as error:
            raise failure(error.args[0], "warming up the producer") from error
        self._client, self._poller = client, _Poller(client, self._settle, self._abandon)

    async def send(self, topic: str, message: Message) -> Receipt:
        """Write one record and return where it stands.

        Raises:
            DependencyAway: not acknowledged in `DELIVERY_TIMEOUT_S`; it may still be written.
            LimitExceeded: larger than the client, the topic or the broker permits.
            LogMisuse: the topic does not exist, or forbids such a record.
        """
        started = time.perf_counter()
        with timed(PRODUCE):
            receipt = await (await self._submit(topic, message))
        metrics.PUBLISH_ACK_SECONDS.labels(topic).observe(time.perf_counter() - started)
        return receipt

    async def send_all(self, topic: str, messages: Sequence[Message]) -> list[Receipt]:
        """Write records in one flight; return where each stands once all have been answered.

        Raises:
            DependencyAway: any of them was not acknowledged; the others may be written.
            LimitExceeded: as for `send`, when no dependency was away.
            LogMisuse: as for `send`, when no dependency was away.
        """
        outcomes = await self.send_each(topic, messages)
        _raise_worst(outcomes)
        return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]

    async def send_each(self, topic: str, messages: Sequence[Message]) -> list[Receipt | Exception]:
        """Write records in one flight; return what became of each, in their order.

        One that fails hurts no other: those of its own key are written still, in their order. What
        stands in place of a receipt is what `send` would have raised.
        """
        started = time.perf_counter()
        flight: list[_Acknowledgement | Exception] = []
        with timed(PRODUCE):
            for message in messages:
                try:
                    flight.append(await self._submit(topic, message))
                except (ContexError, LogMisuse) as error:
                    flight.append(error)
            sent = [one for one in flight if not isinstance(one, Exception)]
            await asyncio.gather(*sent, return_exceptions=True)
        outcomes = [one if isinstance(one, Exception) else _outcome(one) for one in flight]
        metrics.PUBLISH_ACK_SECONDS.labels(topic).observe(time.perf_counter() - started)
        return outcomes

    async def stop(self) -> None:
        """Await what is in flight for `STOP_TIMEOUT_S`, fail the rest, and disconnect."""
        client, poller = self._client, self._poller
        self._client = self._poller = None
        if client is None or poller is None:
            return
        if self._pending:
            await asyncio.wait(self._pending, timeout=STOP_TIMEOUT_S)
        if self._pending:
            _log.warning("stopped with %d sends unanswered", len(self._pending))
            client.purge()
        await asyncio.to_thread(poller.stop)

    async def _submit(self, topic: str, message: Message) -> _Acknowledgement:
        """Hand a record to the client, awaiting room in its queue, and return its future."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DELIVERY_TIMEOUT_S
        while True:
            client, poller = self._client, self._poller
            if client is None or poller is None:
                raise DependencyAway(f"producing to {topic}: the producer is not running")
            if self._fatal is not None:
                raise DependencyAway(f"producing to {topic}: {self._fatal}")
            acknowledgement = loop.create_future()
            try:
                client.produce(
                    topic,
                    value=message.value,
                    key=message.key,
                    headers=list(message.headers),
                    on_delivery=partial(poller.delivered, acknowledgement),
                )
            except BufferError as error:
                await self._await_room(deadline - loop.time(), error)
            except KafkaException as error:
                raise failure(error.args[0], f"producing to {topic}") from error
            else:
                self._pending.add(acknowledgement)
                return acknowledgement

    async def _await_room(self, timeout_s: float, error: BufferError) -> None:
        # Deliveries are settled on this loop, so none can slip in between clear and wait.
        self._room.clear()
        try:
            await asyncio.wait_for(self._room.wait(), timeout_s)
        except TimeoutError:
            raise DependencyAway("the producer's queue stayed full") from error

    def _settle(self, settlements: list[_Settlement]) -> None:
        for acknowledgement, outcome in settlements:
            self._pending.discard(acknowledgement)
            if acknowledgement.done():  # its caller was cancelled
                continue
            if isinstance(outcome, Receipt):
                acknowledgement.set_result(outcome)
            else:
                acknowledgement.set_exception(outcome)
        self._room.set()

    def _abandon(self) -> None:
        """Answer whoever still waits: nobody is left to hear what became of their records."""
        if self._client is not None and self._fatal is None:
            self._fatal = "its polling thread ended"
        reason = DependencyAway("the producer ended before the record was acknowledged")
        self._settle([(acknowledgement, reason) for acknowledgement in self._pending])

    def _observe_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()
            _log.error("the producer can no longer send: %s", error)


class _Poller:
    """A thread that serves the client's callbacks and posts them to the loop, many at a time."""

    def __init__(
        self,
        client: Client,
        settle: Callable[[list[_Settlement]], None],
        abandon: Callable[[], None],
    ) -> None:
        self._client = client
        self._settle = settle
        self._abandon = abandon
        self._loop = asyncio.get_running_loop()
        self._settlements: list[_Settlement] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="contex-producer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def delivered(
        self, acknowledgement: _Acknowledgement, error: KafkaError | None, sent: Delivered
    ) -> None:
        """Note what became of one record. Called by the client, on the polling thread only."""
        self._settlements.append((acknowledgement, receipt_or_error(error, sent)))

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._client.poll(POLL_TIMEOUT_S)
                self._post()
            self._client.poll(0)
            self._post()
        finally:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._abandon)

    def _post(self) -> None:
        if self._settlements:
            settlements, self._settlements = self._settlements, []
            try:
                self._loop.call_soon_threadsafe(self._settle, settlements)
            except RuntimeError:  # as above
                self._stopping.set()


def _outcome(acknowledgement: _Acknowledgement) -> _Outcome:
    """Return what became of a record that has been answered."""
    try:
        return acknowledgement.result()
    except (ContexError, LogMisuse) as error:
        return error


def _raise_worst(outcomes: Sequence[_Outcome]) -> None:
    """Raise an absent dependency before anything else: repeating meets the other errors again."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for error in errors:
        if isinstance(error, DependencyAway):
            raise error
    if errors:
        raise errors[0]
