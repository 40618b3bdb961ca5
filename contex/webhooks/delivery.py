"""One update, delivered or put where it goes next, and every step of it written down.

Decides the order of the steps and what becomes of whatever goes wrong: the endpoint's faults are
tried again or dead-lettered as `attempts` says, unreadable records are dead-lettered at once, and a
dependency that is away, or a missing key of ours, ends in an exception: never in a dead letter.

A record is finished when `deliver` returns: everything that it leads to is then acknowledged. A
crash before that repeats it, with the same `webhook-id`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contex.errors import CallerError, DependencyAway, InvalidRecord, SubscriberError
from contex.records.attempt import Attempt
from contex.records.codec import Codec
from contex.records.dead_letter import dead_letter
from contex.records.headers import traceparent_of
from contex.records.message import Message, Received
from contex.records.registration import WebhookDelivery
from contex.records.rendering import update_body
from contex.records.update import Update
from contex.telemetry import metrics
from contex.telemetry.canonical import WEBHOOK
from contex.telemetry.line import note, opened
from contex.telemetry.logs import get_logger
from contex.webhooks.attempts import (
    Answered,
    Dead,
    Disabled,
    Failure,
    Result,
    Retry,
    Schedule,
    Step,
    Succeeded,
    Unanswered,
    next_step,
)
from contex.webhooks.in_hand import InHand
from contex.webhooks.ports import Agents, Log, Poster
from contex.webhooks.retries import Turn, read_turn, waiting
from contex.webhooks.secrets import SecretBox, check_secret
from contex.webhooks.signing import signed_headers
from contex.webhooks.slots import Slots

STAGE = "webhooks"
SENDS_MAX = 3
"""How often a record is handed to the log, which itself waits for its brokers each time."""
CONTENT_TYPE = {"Content-Type": "application/json"}

_log = get_logger(__name__)


class Skip(StrEnum):
    """Why an update is not sent, through nobody's fault."""

    LEFT = "left"  # the agent is gone
    SUPERSEDED = "superseded"  # it has registered anew, and will be told everything anew
    STREAM = "stream"  # it reads its feed itself


@dataclass(frozen=True, slots=True)
class Topics:
    """Where things go.

    Attributes:
        lanes: the retry lanes by their delay in seconds.
        attempts: every try.
        dead_letter: what is given up.
    """

    lanes: Mapping[int, str]
    attempts: str
    dead_letter: str


@dataclass(frozen=True, slots=True)
class _Job:
    update: Update
    turn: Turn
    url: str
    secret: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Try:
    result: Result
    at_ms: int
    latency_ms: int


class Delivery:
    """Delivers updates.

    Args:
        codec: reads updates and writes attempts.
        agents: who wants what where.
        box: opens the secrets.
        sender: makes the requests.
        log: takes attempts, retries and dead letters.
        topics: where they go.
        schedule: when to try again.
        slots: how many requests may be under way.
        clock_s: the time of day, in seconds since the epoch.
    """

    def __init__(
        self,
        *,
        codec: Codec,
        agents: Agents,
        box: SecretBox,
        sender: Poster,
        log: Log,
        topics: Topics,
        schedule: Schedule,
        slots: Slots,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._codec = codec
        self._agents = agents
        self._box = box
        self._sender = sender
        self._log = log
        self._topics = topics
        self._schedule = schedule
        self._slots = slots
        self._clock_s = clock_s
        self._lane_topics = frozenset(topics.lanes.values())
        self._in_hand = InHand()

    @property
    def oldest_s(self) -> float:
        """How long the oldest delivery has been in hand, waits for a slot left out."""
        return self._in_hand.oldest_s

    async def deliver(self, received: Received) -> None:
        """Do all that a record of the updates or of a lane asks for.

        Raises:
            DependencyAway: Kafka does not answer, or CONTEX_SECRET_KEYS lacks a key in use.
        """
        with opened() as line:
            await self._deliver(received)
            if line.fields:
                _log.info(WEBHOOK, **line.fields, **line.durations)

    async def _deliver(self, received: Received) -> None:
        try:
            with self._in_hand.one():
                job = await self._prepare(received)
        except CallerError as error:
            await self._bury(received, error)
            return
        if isinstance(job, Skip):
            metrics.WEBHOOK_SKIPS.labels(job.value).inc()
            return
        async with self._slots.taken(job.url):
            with self._in_hand.one():
                tried = await self._try(job)
        with self._in_hand.one():
            try:
                await self._conclude(received, job, tried)
            except CallerError as error:  # the record has grown beyond what a lane takes
                await self._bury(received, error, job.turn)

    async def put_off(self, received: Received, /, *, slow: bool) -> None:
        """Let a record wait in a lane for the try that is due, which stays its own.

        It waits in the first lane; for a slow agent in the second, from the second time on: the
        long queue of an endpoint that hangs must not be written anew every few seconds.

        Raises:
            DependencyAway: Kafka does not answer.
        """
        lanes_s = self._schedule.lanes_s
        longer = slow and received.topic in self._lane_topics
        lane = self._topics.lanes[lanes_s[min(int(longer), len(lanes_s) - 1)]]
        try:
            await self._send(lane, waiting(received, self._turn(received)))
        except CallerError:  # no lane takes it as it is
            await self.deliver(received)
        else:
            _log.info("put off", key=repr(received.key), topic=received.topic, lane=lane)

    def _turn(self, received: Received) -> Turn:
        return read_turn(received) if received.topic in self._lane_topics else Turn()

    async def _prepare(self, received: Received) -> _Job | Skip:
        turn = self._turn(received)
        await self._codec.learn(received)
        update = self._codec.update(received)
        known = await self._agents.find(update.agent, update.epoch)
        if known is None:
            return Skip.LEFT
        if known.epoch > update.epoch:
            return Skip.SUPERSEDED
        delivery = known.registration.delivery
        if not isinstance(delivery, WebhookDelivery):
            return Skip.STREAM
        secret = check_secret(self._box.open(delivery.sealed_secret))
        return _Job(update, turn, delivery.url, secret, _body(update))

    async def _try(self, job: _Job) -> _Try:
        at_s = self._clock_s()
        signed = signed_headers(job.update.update_id, int(at_s), job.body, job.secret)
        started_s = time.perf_counter()
        result = await self._sender.post(job.url, {**CONTENT_TYPE, **signed}, job.body)
        latency_s = time.perf_counter() - started_s
        metrics.WEBHOOK_ATTEMPT_SECONDS.observe(latency_s)
        return _Try(result, at_ms=int(at_s * 1000), latency_ms=round(latency_s * 1000))

    async def _conclude(self, received: Received, job: _Job, tried: _Try) -> None:
        """Write the attempt down, and put the update where it goes next."""
        step = next_step(job.turn.attempt, tried.result, self._schedule, self._clock_s())
        attempt = self._attempt(job, tried, step)
        await self._send(self._topics.attempts, self._codec.encode(attempt))
        first_failed_at_ms = job.turn.first_failed_at_ms or tried.at_ms
        match step:
            case Succeeded():
                pass
            case Retry():
                message = waiting(received, Turn(step.attempt, first_failed_at_ms))
                await self._send(self._topics.lanes[step.delay_s], message)
            case Dead() | Disabled():
                turn = Turn(job.turn.attempt, first_failed_at_ms)
                await self._bury(received, SubscriberError(step.reason), turn)
        metrics.WEBHOOK_ATTEMPTS.labels(_outcome(step, tried.result)).inc()
        note(**_told(job, tried, step, received))

    def _attempt(self, job: _Job, tried: _Try, step: Step) -> Attempt:
        result = tried.result
        answered = result if isinstance(result, Answered) else None
        return Attempt(
            update_id=job.update.update_id,
            agent=job.update.agent,
            attempt=job.turn.attempt,
            at_ms=tried.at_ms,
            latency_ms=tried.latency_ms,
            outcome=step.outcome,
            fault=step.fault,
            status=answered.status if answered else None,
            response_excerpt=answered.excerpt if answered else None,
            retry_lane=self._topics.lanes[step.delay_s] if isinstance(step, Retry) else None,
            error=None if isinstance(step, Succeeded) else _words(step, result),
        )

    async def _bury(self, received: Received, error: Exception, turn: Turn | None = None) -> None:
        turn = turn or Turn()
        message = dead_letter(
            received,
            stage=STAGE,
            error=error,
            at_ms=turn.first_failed_at_ms or int(self._clock_s() * 1000),
            attempt=turn.attempt,
        )
        await self._send(self._topics.dead_letter, message)
        metrics.DEAD_LETTERS.labels(STAGE, type(error).__name__).inc()
        _log.warning(
            "dead letter",
            topic=received.topic,
            partition=received.partition,
            offset=received.offset,
            error=str(error),
        )

    async def _send(self, topic: str, message: Message) -> None:
        for left in reversed(range(SENDS_MAX)):
            try:
                await self._log.send(topic, message)
            except DependencyAway as error:
                if not left:
                    raise
                metrics.DEPENDENCY_WAITS.labels("webhooks").inc()
                _log.warning("waiting for Kafka", topic=topic, error=str(error))
            else:
                return


def _body(update: Update) -> bytes:
    try:
        return update_body(update)
    except (ValueError, RecursionError) as error:
        raise InvalidRecord(f"the update cannot be written as JSON: {error}") from error


def _outcome(step: Step, result: Result) -> str:
    if isinstance(result, Unanswered) and result.failure is Failure.ADDRESS_REFUSED:
        return "blocked"
    match step:
        case Succeeded():
            return "succeeded"
        case Retry():
            return "retried"
        case Dead():
            return "dead_lettered"
        case Disabled():
            return "disabled"


def _told(job: _Job, tried: _Try, step: Step, received: Received) -> dict[str, object]:
    """Return what the canonical line of one try tells."""
    update = job.update
    one = update.items[0] if len(update.items) == 1 else None
    position = traceparent_of(received.headers)
    return {
        "update_id": str(update.update_id),
        "kind": update.kind.value,
        "tenant": update.agent.scope.tenant,
        "project": update.agent.scope.project,
        "agent": update.agent.agent_id,
        "epoch": update.epoch,
        "key": None if one is None else one.data_key,
        "revision": None if one is None else one.revision,
        "trace_id": None if position is None else position.trace_id.hex(),
        "attempt": job.turn.attempt,
        "outcome": step.outcome.value,
        "fault": step.fault.value,
        "result": tried.result.words,
        "latency_ms": tried.latency_ms,
    }


def _words(step: Step, result: Result) -> str:
    return step.reason if isinstance(step, Dead | Disabled) else result.words
