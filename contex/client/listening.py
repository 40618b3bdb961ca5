"""Listening to one agent's updates, as steps for whoever does the I/O. Pure.

Decides what is told and what is dropped (by the rule of `contex.records.holdings`), where to go on
after a connection broke, how long to wait before, and when to give up.
"""

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from contex.client import operations, reading
from contex.client.errors import Disconnected, NotFound, Unavailable
from contex.client.retrying import (
    RETRYABLE,
    Limits,
    Wait,
    error_of,
)
from contex.client.types import Item, Update
from contex.client.wire import Answer, NoAnswer, Request
from contex.records.holdings import HoldingsOf
from contex.records.update import UpdateKind

RECONNECTS_MAX: Final = 60
"""In a row, once the gateway had been reached: about a quarter of an hour of absence."""
RECONNECT_S_BASE: Final = 1.0
"""Until the gateway says how long to wait."""
RECONNECT_S_BASE_MAX: Final = 10.0
RECONNECT_S_MAX: Final = 30.0
STABLE_S: Final = 5.0
"""A connection that lasted this long was none of a row of failures."""
SILENCE_S_MAX: Final = 45.0
"""Three keep-alives of the gateway: a connection that is silent for longer is dead."""

RESET: Final = "reset"
GONE: Final = "gone"
_OK: Final = 200
_KINDS: Final = frozenset(UpdateKind)


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event, or a frame that only moves the cursor: then `data` is empty."""

    name: str
    data: str
    id: str = ""
    retry_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Connect, and give back the answer; its body only if its status is not 200."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Give back the next event of the connection, or why there is none."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand this to the caller."""

    update: Update


Step = Open | Read | Wait | Tell
Outcome = Answer | NoAnswer | Event
Listening = Generator[Step, Outcome | None, None]
"""Never ends by itself but by an error."""


class Feed:
    """What one reader of an agent's updates has been told, and where it stands.

    Attributes:
        cursor: where the feed goes on after all that was told, or None before anything was.
    """

    def __init__(self, agent_id: str, project: str | None, cursor: str | None) -> None:
        self.cursor = cursor
        self._agent_id = agent_id
        self._project = project
        self._holdings: HoldingsOf[Item] = HoldingsOf()

    @property
    def holdings(self) -> Mapping[str, Item]:
        """What the agent holds now, as far as this reader was told, by data key."""
        return self._holdings.items

    def request(self) -> Request:
        """Return what to connect with."""
        return operations.stream(self._agent_id, self._project, self.cursor)

    def take(self, event: Event) -> Update | None:
        """Return what an event tells, or None if that is nothing new; move the cursor.

        Raises:
            NotFound: the agent was unregistered.
            UnexpectedAnswer: it is no event of a gateway.
        """
        if event.id:
            self.cursor = event.id
        if not event.data:
            return None
        if event.name == GONE:
            raise NotFound(
                f"agent {self._agent_id!r} was unregistered",
                code=GONE,
                next_step="Register it again to go on listening.",
            )
        if event.name == RESET:
            return self._reset(event)
        if event.name not in _KINDS:  # a newer gateway's
            return None
        return self._news(reading.update(reading.parse(event.data, "an event"), self.cursor))

    def _news(self, update: Update) -> Update | None:
        items = self._holdings.news(update)
        return None if items is None else replace(update, items=tuple(items))

    def _reset(self, event: Event) -> Update:
        said = reading.parse(event.data, "a reset")
        about = reading.Members(said.all.get("data"), "a reset")
        epoch = about.whole("epoch")
        self._holdings.forget(epoch)
        return Update(
            update_id="",
            kind=RESET,
            project_id=about.text("project_id"),
            agent_id=about.text("agent_id"),
            epoch=epoch,
            cursor=self.cursor,
        )


def listen(
    feed: Feed, limits: Limits, clock_s: Callable[[], float], chance: Callable[[], float]
) -> Listening:
    """Connect, tell, and connect again from where it stood, until an error ends it.

    Until the gateway has been reached, it is asked as often and as long as in any call; later it is
    given `RECONNECTS_MAX` tries.

    Raises:
        ContexClientError: the agent is gone, the request is refused, or nobody answers.
    """
    failures_max = limits.retries_max
    deadline_s = clock_s() + limits.timeout_s
    failures = 0
    base_s = RECONNECT_S_BASE
    while True:
        answer = yield Open(feed.request())
        assert isinstance(answer, Answer | NoAnswer), "a connection has an answer or none"
        asked_s = 0.0
        if isinstance(answer, NoAnswer):
            failure: Unavailable = Disconnected(answer.reason)
        elif answer.status != _OK:
            failure = _passing(answer)
            asked_s = failure.retry_after_s or 0.0
        else:
            failures_max, deadline_s = max(failures_max, RECONNECTS_MAX), math.inf
            opened_s, progress, got = clock_s(), False, (yield Read())
            while isinstance(got, Event):
                progress = progress or bool(got.data)
                base_s = _base_s(got, base_s)
                update = feed.take(got)
                if update is not None:
                    yield Tell(update)
                got = yield Read()
            assert isinstance(got, NoAnswer), "no event, but a reason"
            failure = Disconnected(f"the stream of updates broke: {got.reason}")
            if progress or clock_s() - opened_s >= STABLE_S:
                failures = 0
        spread_s = chance() * min(RECONNECT_S_MAX, base_s * 2.0 ** min(failures, 16))
        wait_s = min(asked_s, RECONNECT_S_MAX) + spread_s
        if failures >= failures_max or clock_s() + wait_s > deadline_s:
            raise failure
        failures += 1
        yield Wait(wait_s, failure.detail)


def _passing(answer: Answer) -> Unavailable:
    error = error_of(answer)
    if answer.status not in RETRYABLE or not isinstance(error, Unavailable):
        raise error
    return error


def _base_s(event: Event, base_s: float) -> float:
    if event.retry_ms is None:
        return base_s
    return min(max(event.retry_ms / 1000.0, 0.0), RECONNECT_S_BASE_MAX)
