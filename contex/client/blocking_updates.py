"""An agent's updates for code that waits: the core's steps over a blocking connection."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSet
from contextlib import suppress
from http import HTTPStatus
from typing import Self

import httpx
from httpx_sse import EventSource, ServerSentEvent

from contex.client import exchanging
from contex.client.data import Told
from contex.client.listening import Feed, Open, Outcome, Tell, listen
from contex.client.retrying import Limits, Wait
from contex.client.types import Item, Update
from contex.client.wire import Request


class Updates:
    """Iterate over it for what one agent is told, in order and without what is no news.

    It connects again after every break, from where it stood. It ends when it is closed, from
    whichever thread, and raises what cannot be helped: `NotFound` when the agent is unregistered,
    `Unavailable` when the gateway stays away. One thread iterates at a time.

    Attributes:
        on_break: called with the reason and the seconds until it connects again, if set.
    """

    def __init__(
        self,
        client: httpx.Client,
        agent: tuple[str, str | None, str | None],
        limits: Limits,
        *,
        lend: Callable[[Iterable[Told]], None],
        streams: "MutableSet[Updates]",
    ) -> None:
        self._client = client
        self._lend = lend
        self._feed = Feed(*agent)
        self._steps = listen(self._feed, limits, time.monotonic, random.random)
        self._outcome: Outcome | None = None
        self._response: httpx.Response | None = None
        self._bytes: exchanging.BoundedStream | None = None
        self._events: Iterator[ServerSentEvent] | None = None
        self.on_break: Callable[[str, float], None] | None = None
        self._closed = threading.Event()
        self._iterating = threading.Lock()
        self._streams = streams
        streams.add(self)

    @property
    def holdings(self) -> Mapping[str, Item]:
        """What the agent holds by all that this reader told so far, by data key."""
        return self._feed.holdings

    @property
    def cursor(self) -> str | None:
        """Where to go on after what was told: save it once that has been dealt with."""
        return self._feed.cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Update:
        with self._iterating:
            update = None
            try:
                if not self._closed.is_set():
                    update = self._next()
            finally:
                if update is None:
                    self._end()
            if update is None:
                raise StopIteration
            return update

    def close(self) -> None:
        """End the iteration, in this thread or another."""
        self._closed.set()
        response = self._response
        if response is not None:
            _wake(response)
        if self._iterating.acquire(blocking=False):  # else whoever iterates ends it
            try:
                self._end()
            finally:
                self._iterating.release()

    def _next(self) -> Update | None:
        while True:
            step = self._steps.send(self._outcome)
            self._outcome = None
            if isinstance(step, Tell):
                self._lend(step.update.items)
                return step.update
            if isinstance(step, Wait):
                if self.on_break is not None:
                    self.on_break(step.why, step.wait_s)
                self._closed.wait(step.wait_s)
            else:
                self._outcome = self._open(step.request) if isinstance(step, Open) else self._read()
            if self._closed.is_set():
                return None

    def _open(self, request: Request) -> Outcome:
        self._disconnect()
        sent = self._client.build_request(
            **exchanging.sent(request), timeout=exchanging.STREAM_TIMEOUTS
        )
        try:
            response = self._client.send(sent, stream=True)
            self._response = response
            self._bytes = exchanging.bound(response)
            if response.status_code != HTTPStatus.OK:
                return exchanging.answer(response, response.read())
        except httpx.RequestError as error:
            return exchanging.no_answer(error, str(self._client.base_url))
        exchanging.check_stream(response)
        self._events = EventSource(response).iter_sse()
        return exchanging.answer(response, b"")

    def _read(self) -> Outcome:
        assert self._events is not None, "it is connected"
        assert self._bytes is not None, "as above"
        try:
            found = next(self._events, None)
        except httpx.RequestError as error:
            return exchanging.no_answer(error, str(self._client.base_url))
        self._bytes.waiting_bytes = 0
        return exchanging.ENDED if found is None else exchanging.event(found)

    def _end(self) -> None:
        self._closed.set()
        self._steps.close()
        self._disconnect()
        self._streams.discard(self)

    def _disconnect(self) -> None:
        response, self._response, self._events = self._response, None, None
        if response is not None:
            response.close()


def _wake(response: httpx.Response) -> None:
    """Shut a connection's socket down: whoever waits for it learns that nothing will come."""
    stream = response.extensions.get("network_stream")
    connection = None if stream is None else stream.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
