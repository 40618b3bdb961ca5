"""What the agents do with a batch: decode, route, dead-letter, log. Knows no Faust.

Every record of a batch ends as routed, skipped or dead-lettered, each acknowledged, before
`publications` or `registrations` returns; otherwise they raise.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from contex.errors import CallerError, DependencyAway, LimitExceeded
from contex.index.batches import by_size
from contex.log.producer import Producer
from contex.records import Cause, UpdateKind
from contex.records.codec import Codec
from contex.records.dead_letter import dead_letter, without_value
from contex.records.headers import traceparent_of
from contex.records.message import Message, Received
from contex.routing.dead_letter_limit import DeadLetterLimit
from contex.routing.outcomes import Outcome, Rejected, Routed, Skipped
from contex.routing.ports import Ports
from contex.routing.publications import Arrived, route_publications
from contex.routing.registrations import Registered, route_registration
from contex.telemetry import metrics
from contex.telemetry.canonical import NAME_CHARACTERS_MAX, ROUTED
from contex.telemetry.line import Line, opened
from contex.telemetry.logs import get_logger
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, ROUTING_DEAD_LETTER
from workers.watchdog import Progress

STAGE = "routing"
DEPENDENCY_WAIT_S_MAX = 25.0
"""A longer await in an agent holds up the whole group's rebalance: then the process exits."""
PART_BYTES_MAX = 256 * 1024
"""About a thousand chunks: some ten seconds of one core."""
RETRY_DELAY_S_MIN = 0.1
RETRY_DELAY_S_MAX = 2.0

Result = TypeVar("Result")
_log = get_logger(__name__)


class TooManyDeadLetters(Exception):
    """Nearly everything would be dead-lettered: stop instead."""


@dataclass(frozen=True, slots=True)
class Processor:
    """Processes batches of raw records against the ports, each topic's against its own."""

    codec: Codec
    ports: Mapping[str, Ports]
    producer: Producer
    limit: DeadLetterLimit
    progress: Mapping[str, Progress]

    async def publications(self, batch: Sequence[Received]) -> None:
        """Route a batch of publications, in order per key.

        In parts of a bounded size: large values take seconds each, and what one part completed is
        not done again if the process ends in the next.
        """
        for part in by_size(batch, _size_bytes, PART_BYTES_MAX):
            with self.progress[PUBLICATIONS.name].batch(), opened() as line:
                outcomes = await _patiently(partial(self._route_publications, part))
                await self._conclude(part, outcomes, metrics.ROUTED_VALUES.labels, line)
            for outcome in outcomes:
                if isinstance(outcome, Routed):
                    metrics.VALUE_MATCHES.observe(_matches(outcome))

    async def registrations(self, batch: Sequence[Received]) -> None:
        """Route registrations one after the other."""
        for received in batch:
            with self.progress[REGISTRATIONS.name].batch(), opened() as line:
                outcome = await _patiently(partial(self._route_registration, received))
                counter = metrics.ROUTED_REGISTRATIONS.labels
                await self._conclude([received], [outcome], counter, line)

    async def _route_publications(self, batch: Sequence[Received]) -> list[Outcome]:
        # In a thread: a schema that is seen for the first time is asked of the registry.
        arrived = await asyncio.to_thread(lambda: [self._decoded(one) for one in batch])
        good = [one for one in arrived if isinstance(one, Arrived)]
        routed = iter(await route_publications(good, self.ports[PUBLICATIONS.name]))
        return [next(routed) if isinstance(one, Arrived) else one for one in arrived]

    def _decoded(self, received: Received) -> Arrived | Rejected:
        try:
            record = self.codec.publication(received)
            return Arrived(record, _cause(received), _trace(received))
        except CallerError as error:
            return Rejected(error)

    async def _route_registration(self, received: Received) -> Outcome:
        try:
            record = await asyncio.to_thread(self.codec.registration, received)
            registered = Registered(record, _cause(received), _trace(received))
            return await route_registration(registered, self.ports[REGISTRATIONS.name])
        except CallerError as error:
            return Rejected(error)

    async def _conclude(
        self,
        batch: Sequence[Received],
        outcomes: Sequence[Outcome],
        counter: Callable[..., Any],
        line: Line,
    ) -> None:
        await self._dead_letter(batch, outcomes)
        metrics.BATCH_RECORDS.labels(STAGE).observe(len(batch))
        shared = {**line.durations, "batch_records": len(batch)}
        for received, outcome in zip(batch, outcomes, strict=True):
            counter(_name(outcome)).inc()
            _log.info(ROUTED, **_told(received, outcome), **shared)

    async def _dead_letter(self, batch: Sequence[Received], outcomes: Sequence[Outcome]) -> None:
        rejected: list[tuple[Received, CallerError]] = []
        for received, outcome in zip(batch, outcomes, strict=True):
            self.limit.note(rejected=isinstance(outcome, Rejected))
            if isinstance(outcome, Rejected):
                rejected.append((received, outcome.error))
        if not rejected:
            return
        if why := self.limit.exceeded:
            raise TooManyDeadLetters(why)
        at_ms = time.time_ns() // 1_000_000
        letters = [
            dead_letter(received, stage=STAGE, error=error, at_ms=at_ms)
            for received, error in rejected
        ]
        await _patiently(lambda: asyncio.gather(*(self._bury(letter) for letter in letters)))
        for _, error in rejected:
            metrics.DEAD_LETTERS.labels(STAGE, type(error).__name__).inc()

    async def _bury(self, letter: Message) -> None:
        try:
            await self.producer.send(ROUTING_DEAD_LETTER.name, letter)
        except LimitExceeded:
            # Compressed it passed the broker's limit; as it is, no topic takes it.
            await self.producer.send(ROUTING_DEAD_LETTER.name, without_value(letter))


def _size_bytes(received: Received) -> int:
    return len(received.value or b"")


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Repeat `work` while a dependency is away, within `DEPENDENCY_WAIT_S_MAX`."""
    deadline = time.monotonic() + DEPENDENCY_WAIT_S_MAX
    delay_s = RETRY_DELAY_S_MIN
    while True:
        try:
            return await work()
        except DependencyAway as error:
            if time.monotonic() + delay_s > deadline:
                raise
            metrics.DEPENDENCY_WAITS.labels(STAGE).inc()
            _log.warning("waiting for a dependency", error=str(error), delay_s=delay_s)
        await asyncio.sleep(delay_s)
        delay_s = min(2 * delay_s, RETRY_DELAY_S_MAX)


def _cause(received: Received) -> Cause:
    return Cause(received.topic, received.partition, received.offset)


def _trace(received: Received) -> str | None:
    traceparent = traceparent_of(received.headers)
    return None if traceparent is None else str(traceparent)


def _name(outcome: Outcome) -> str:
    match outcome:
        case Routed():
            return "routed"
        case Skipped(why):
            return str(why)
        case Rejected():
            return "dead_lettered"


def _matches(outcome: Routed) -> int:
    return sum(outcome.told.get(kind, 0) for kind in (UpdateKind.MATCHED, UpdateKind.UPDATED))


def _told(received: Received, outcome: Outcome) -> dict[str, object]:
    """Return what the canonical line of one record tells: whose it is, and how it ended."""
    key = (received.key or b"").decode(errors="replace")
    tenant, _, rest = key.partition("/")
    project, _, name = rest.partition("/")
    tenant, project, name = (one[:NAME_CHARACTERS_MAX] for one in (tenant, project, name))
    position = traceparent_of(received.headers)
    is_value = received.topic == PUBLICATIONS.name
    told: dict[str, object] = {
        "tenant": tenant,
        "project": project,
        "key" if is_value else "agent": name,
        "revision" if is_value else "epoch": received.offset,
        "topic": received.topic,
        "partition": received.partition,
        "trace_id": None if position is None else position.trace_id.hex(),
        "outcome": _name(outcome),
    }
    match outcome:
        case Routed(by_kind):
            told |= {f"told_{kind}": by_kind[kind] for kind in UpdateKind if kind in by_kind}
        case Rejected(error):
            told["error"] = str(error)
    return told
