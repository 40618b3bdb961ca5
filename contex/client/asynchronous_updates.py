"""An agent's updates for code on an event loop: the core's steps over an awaited connection.

Each step runs in a task of its own: a caller who stops waiting (a timeout around `anext`) loses
nothing, and the next call goes on with the same step.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, MutableSet
from http import HTTPStatus
from typing import Self

import httpx
from httpx_sse import EventSource, ServerSentEvent

from contex.client import exchanging
from contex.client.errors import ContexClientError
from contex.client.listening import Feed, Open, Outcome, Read, Tell, listen
from contex.client.retrying import Limits, Wait
from contex.client.types import Item, Update
from contex.client.wire import Request


class AsyncUpdates:
    """`Updates`, awaited: `async for update in client.updates(...)`.

    One task iterates at a time; any task may close it.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        agent: tuple[str, str | None, str | None],
        limits: Limits,
        *,
        streams: "MutableSet[AsyncUpdates]",
    ) -> None:
        self._client = client
        self._feed = Feed(*agent)
        self._steps = listen(self._feed, limits, time.monotonic, random.random)
        self._response: httpx.Response | None = None
        self._bytes: exchanging.BoundedStream | None = None
        self._events: AsyncGenerator[ServerSentEvent, None] | None = None
        self._doing: asyncio.Task[Outcome | None] | None = None
        self._closed = False
        self.on_break: Callable[[str, float], None] | None = None
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        try:
            update = await self._next()
        except ContexClientError:
            await self.close()
            raise
        if update is None:
            await self.close()
            raise StopAsyncIteration
        return update

    async def close(self) -> None:
        """End the iteration, in this task or another."""
        self._closed = True
        doing = self._doing
        if doing is not None:
            doing.cancel()
            await asyncio.wait([doing])
            if not doing.cancelled():
                doing.exception()  # nobody is left to hear of it
        self._steps.close()
        await self._disconnect()
        self._streams.discard(self)

    async def _next(self) -> Update | None:
        outcome: Outcome | None = None
        while not self._closed:  # by any task, during any wait: no step is begun after the end
            if self._doing is None:
                step = self._steps.send(outcome)
                if isinstance(step, Tell):
                    return step.update
                self._doing = asyncio.create_task(self._do(step))
            elif self._doing.done():
                outcome = self._doing.result()
                self._doing = None
            else:
                await asyncio.wait([self._doing])
        return None

    async def _do(self, step: Open | Read | Wait) -> Outcome | None:
        if isinstance(step, Wait):
            if self.on_break is not None:
                self.on_break(step.why, step.wait_s)
            await asyncio.sleep(step.wait_s)
            return None
        return await (self._open(step.request) if isinstance(step, Open) else self._read())

    async def _open(self, request: Request) -> Outcome:
        await self._disconnect()
        sent = self._client.build_request(
            **exchanging.sent(request), timeout=exchanging.STREAM_TIMEOUTS
        )
        try:
            response = await self._client.send(sent, stream=True)
            self._response = response
            self._bytes = exchanging.bound(response)
            if response.status_code != HTTPStatus.OK:
                return exchanging.answer(response, await response.aread())
        except httpx.RequestError as error:
            return exchanging.no_answer(error, str(self._client.base_url))
        exchanging.check_stream(response)
        self._events = EventSource(response).aiter_sse()
        return exchanging.answer(response, b"")

    async def _read(self) -> Outcome:
        assert self._events is not None, "it is connected"
        assert self._bytes is not None, "as above"
        try:
            found = await anext(self._events, None)
        except httpx.RequestError as error:
            return exchanging.no_answer(error, str(self._client.base_url))
        self._bytes.waiting_bytes = 0
        return exchanging.ENDED if found is None else exchanging.event(found)

    async def _disconnect(self) -> None:
        response, events = self._response, self._events
        self._response = self._events = None
        if events is not None:
            await events.aclose()
        if response is not None:
            await response.aclose()
