"""Lets all coroutines of a process share one embedder, in flights.

Decides which waiting texts are computed together: whatever came in while the previous flight
computed, equal texts once, large orders in slices so that small ones are not stuck behind them.
Never delays a text to wait for company, never drops an order, never computes on the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from contex.embedding.port import Embedder, Vectors
from contex.errors import DependencyAway
from contex.telemetry import metrics
from contex.telemetry.line import EMBED, timed

FLIGHT_TEXTS_MAX = 32
"""More gain nothing. A flight is some 0.2 s of one core; a newcomer waits for two at most."""

SLICE_TEXTS_MAX = 8
"""How many texts of one order board before the next order has its turn."""

WAITING_TEXTS_MAX = 4_096
"""Beyond this, callers wait at the door."""


def _unheard() -> None:
    """Nobody asked to be told."""


@dataclass(slots=True, eq=False)
class _Order:
    """What one caller asked for, and how much of it has boarded and landed."""

    texts: tuple[str, ...]
    vectors: Vectors
    done: asyncio.Future[Vectors]
    advanced: Callable[[], None]
    boarded: int = 0
    landed: int = 0

    @property
    def waiting(self) -> int:
        return 0 if self.done.done() else len(self.texts) - self.boarded


@dataclass(frozen=True, slots=True)
class _Seat:
    """A slice of one order in a flight."""

    order: _Order
    start: int
    stop: int

    @property
    def texts(self) -> tuple[str, ...]:
        return self.order.texts[self.start : self.stop]


class Batcher:
    """Serves concurrent callers from one worker thread. Belongs to one event loop."""

    def __init__(self, embedder: Embedder, *, waiting_texts_max: int = WAITING_TEXTS_MAX) -> None:
        """Wrap `embedder`; callers wait while `waiting_texts_max` texts have not boarded."""
        self._embedder = embedder
        self._waiting_texts_max = waiting_texts_max
        self._orders: deque[_Order] = deque()
        self._waiting_texts = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._pump: asyncio.Task[None] | None = None
        self._door = asyncio.Lock()
        self._moved = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def waiting_texts(self) -> int:
        """How many accepted texts have not boarded a flight."""
        return self._waiting_texts

    async def embed(self, texts: Sequence[str], advanced: Callable[[], None] = _unheard) -> Vectors:
        """Return one unit vector per text, in order.

        Args:
            texts: what to embed.
            advanced: told, on the event loop, whenever a slice of these texts is done: a large
                order takes many flights, and who waits for it can tell slow from stuck.

        Raises:
            DependencyAway: the batcher is closed, or was before these texts boarded.
        """
        order = _Order(
            tuple(texts),
            np.empty((len(texts), self._embedder.dimensions), np.float32),
            asyncio.get_running_loop().create_future(),
            advanced,
        )
        if not order.texts:
            return order.vectors
        with timed(EMBED):
            await self._enter(order)
            try:
                return await order.done
            finally:
                self._leave(order)

    async def close(self) -> None:
        """Refuse what has not boarded, let the flight land, end the thread. May be repeated."""
        self._closed = True
        self._moved.set()
        for order in self._orders:
            if not order.done.done():
                order.done.set_exception(_closed())
        if self._pump is not None:
            await asyncio.wait([self._pump])
        self._thread.shutdown(wait=False)

    async def _enter(self, order: _Order) -> None:
        """Queue `order` once there is room; first come, first served."""
        async with self._door:
            while not (self._closed or self._has_room(len(order.texts))):
                self._moved.clear()
                await self._moved.wait()
            if self._closed:
                raise _closed()
            self._orders.append(order)
            self._waiting_texts += len(order.texts)
            if self._pump is None:
                self._pump = asyncio.create_task(self._fly(), name="embedder-batcher")

    def _has_room(self, texts: int) -> bool:
        """An order larger than the whole room enters when it is empty."""
        return self._waiting_texts == 0 or self._waiting_texts + texts <= self._waiting_texts_max

    def _leave(self, order: _Order) -> None:
        """Give back the room of what an order that failed or was cancelled did not use."""
        order.done.cancel()
        self._waiting_texts -= len(order.texts) - order.boarded
        order.boarded = len(order.texts)
        self._moved.set()

    async def _fly(self) -> None:
        """Run flights until nobody waits."""
        try:
            while flight := board(self._orders):
                self._waiting_texts -= sum(len(seat.texts) for seat in flight)
                self._moved.set()
                await self._serve(flight)
        finally:
            self._pump = None

    async def _serve(self, flight: Sequence[_Seat]) -> None:
        outcome = await self._computed(flight)
        shared = len({seat.order for seat in flight}) > 1
        if not (shared and isinstance(outcome, BaseException)):
            _land(flight, outcome)
            return
        # One caller's text must not fail the others: each flies alone and learns its own fate.
        for seat in flight:
            if not seat.order.done.done():
                _land([seat], await self._computed([seat]))

    async def _computed(self, flight: Sequence[_Seat]) -> Vectors | BaseException:
        """Return the vectors, or what went wrong: it belongs to the callers, not to the pump."""
        loop = asyncio.get_running_loop()
        texts = [text for seat in flight for text in seat.texts]
        metrics.EMBED_TEXTS.observe(len(texts))
        with metrics.EMBED_SECONDS.time():
            future = loop.run_in_executor(self._thread, _embed_once_each, self._embedder, texts)
            await asyncio.wait([future])
        return future.exception() or future.result()


def board(orders: deque[_Order]) -> list[_Seat]:
    """Take the next flight off `orders`: a slice of each in turn, finished orders leave."""
    flight: list[_Seat] = []
    free = FLIGHT_TEXTS_MAX
    while orders and free > 0:
        order = orders.popleft()
        size = min(order.waiting, SLICE_TEXTS_MAX, free)
        if size == 0:
            continue
        flight.append(_Seat(order, order.boarded, order.boarded + size))
        order.boarded += size
        free -= size
        if order.waiting:
            orders.append(order)
    return flight


def _land(flight: Iterable[_Seat], outcome: Vectors | BaseException) -> None:
    """Hand every seat its rows, or the error."""
    at = 0
    for seat in flight:
        order, size = seat.order, seat.stop - seat.start
        rows = slice(at, at + size)
        at += size
        if order.done.done():
            continue
        if isinstance(outcome, BaseException):
            order.done.set_exception(outcome)
            continue
        order.vectors[seat.start : seat.stop] = outcome[rows]
        order.landed += size
        order.advanced()
        if order.landed == len(order.texts):
            order.done.set_result(order.vectors)


def _embed_once_each(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed equal texts once."""
    places: dict[str, int] = {}
    for text in texts:
        places.setdefault(text, len(places))
    vectors = embedder.embed(list(places))
    if vectors.shape != (len(places), embedder.dimensions):
        raise ValueError(f"the embedder returned {vectors.shape} for {len(places)} texts")
    return vectors[[places[text] for text in texts]]


def _closed() -> DependencyAway:
    return DependencyAway("the embedder is closing")
