"""One embedder for many coroutines: flights, back-pressure, cancellation, errors, closing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest

from contex.embedding.batcher import FLIGHT_TEXTS_MAX, Batcher
from contex.embedding.port import Vectors
from contex.errors import DependencyAway

DEADLINE_S = 60.0


class GatedEmbedder:
    """Computes only when told to, and remembers every flight."""

    fingerprint = "gated"
    dimensions = 2

    def __init__(self) -> None:
        self.flights: list[list[str]] = []
        self.threads: set[int] = set()
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.flights.append(list(texts))
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.acquire(timeout=DEADLINE_S), "the test never opened the gate"
        if "short" in texts:
            return np.zeros((0, 2), np.float32)
        for text in texts:
            if text.startswith("bad"):
                raise ValueError(text)
        return np.array([vector(text) for text in texts], np.float32)

    def open(self) -> None:
        self.gate.release(1_000)

    async def until_flying(self) -> None:
        entered = await asyncio.to_thread(self.entered.acquire, timeout=DEADLINE_S)
        assert entered, "expected a flight to start, got none"


def vector(text: str) -> tuple[float, float]:
    return float(len(text)), float(sum(map(ord, text)))


@pytest.fixture
def embedder() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
async def batcher(embedder: GatedEmbedder) -> AsyncIterator[Batcher]:
    async with Batcher(embedder, waiting_texts_max=100) as batcher:
        yield batcher
        embedder.open()


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - polls a condition that has no event
            await asyncio.sleep(0)
    assert condition(), what


def ask(batcher: Batcher, *texts: str) -> asyncio.Task[Vectors]:
    return asyncio.create_task(batcher.embed(texts))


async def flying(batcher: Batcher, embedder: GatedEmbedder) -> asyncio.Task[Vectors]:
    """Put a first flight into the air, so that what follows waits."""
    first = ask(batcher, "first")
    await embedder.until_flying()
    return first


def expected(*texts: str) -> list[tuple[float, float]]:
    return [vector(text) for text in texts]


async def test_a_lone_caller_flies_at_once(batcher: Batcher, embedder: GatedEmbedder) -> None:
    embedder.open()
    vectors = await batcher.embed(["a", "bb"])
    assert vectors.tolist() == [list(row) for row in expected("a", "bb")]
    assert embedder.flights == [["a", "bb"]]


async def test_what_waits_during_a_flight_shares_the_next(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    others = [ask(batcher, f"text {at}", "shared") for at in range(5)]
    await until(lambda: batcher.waiting_texts == 10, "ten texts wait")
    embedder.open()
    results = await asyncio.gather(*others)
    await first
    assert len(embedder.flights) == 2, f"expected two flights, got {embedder.flights}"
    assert embedder.flights[1].count("shared") == 1, "an equal text was computed twice"
    for at, result in enumerate(results):
        assert result.tolist() == [list(row) for row in expected(f"text {at}", "shared")]


async def test_everything_is_computed_in_one_thread_off_the_loop(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    embedder.open()
    for _ in range(3):
        await asyncio.gather(*(batcher.embed([f"{at}"]) for at in range(10)))
    assert len(embedder.threads) == 1
    assert threading.get_ident() not in embedder.threads


async def test_a_small_order_overtakes_the_rest_of_a_large_one(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    large = ask(batcher, *(f"large {at}" for at in range(5 * FLIGHT_TEXTS_MAX)))
    await embedder.until_flying()
    small = ask(batcher, "small")
    await asyncio.sleep(0)
    embedder.open()
    await small
    assert not large.done(), "the small order waited for all of the large one"
    assert (await large).tolist() == [
        list(vector(f"large {at}")) for at in range(5 * FLIGHT_TEXTS_MAX)
    ]
    assert max(map(len, embedder.flights)) <= FLIGHT_TEXTS_MAX


async def test_callers_wait_at_the_door_while_the_room_is_full(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    inside = ask(batcher, *(f"inside {at}" for at in range(90)))
    await until(lambda: batcher.waiting_texts == 90, "90 texts wait")
    outside = [ask(batcher, *(f"{name} {at}" for at in range(20))) for name in "ab"]
    for _ in range(20):
        await asyncio.sleep(0)
    assert batcher.waiting_texts == 90, f"expected 90 texts inside, got {batcher.waiting_texts}"
    embedder.open()
    results = await asyncio.gather(first, inside, *outside)
    assert [len(result) for result in results] == [1, 90, 20, 20]
    assert batcher.waiting_texts == 0


async def test_a_cancelled_order_is_not_computed_and_gives_its_room_back(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    doomed = ask(batcher, *(f"doomed {at}" for at in range(100)))
    await until(lambda: batcher.waiting_texts == 100, "100 texts wait")
    outside = ask(batcher, "outside")
    doomed.cancel()
    await until(lambda: batcher.waiting_texts == 1, "the room went to the next caller")
    embedder.open()
    await asyncio.gather(first, outside)
    assert embedder.flights == [["first"], ["outside"]]
    with pytest.raises(asyncio.CancelledError):
        await doomed


async def test_cancelling_at_the_door_lets_the_next_in(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    inside = ask(batcher, *(f"inside {at}" for at in range(100)))
    await until(lambda: batcher.waiting_texts == 100, "100 texts wait")
    doomed, patient = ask(batcher, "doomed"), ask(batcher, "patient")
    await asyncio.sleep(0)
    doomed.cancel()
    embedder.open()
    await asyncio.gather(first, inside, patient)
    assert all("doomed" not in flight for flight in embedder.flights)


async def test_cancelling_in_flight_harms_nobody_else(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    doomed, other = ask(batcher, "doomed"), ask(batcher, "other")
    await until(lambda: batcher.waiting_texts == 2, "two texts wait")
    embedder.gate.release()
    await embedder.until_flying()
    doomed.cancel()
    embedder.open()
    assert (await other).tolist() == [list(vector("other"))]
    await first


async def test_an_error_reaches_only_its_own_caller(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    first = await flying(batcher, embedder)
    good, bad, also_good = ask(batcher, "good"), ask(batcher, "x", "bad"), ask(batcher, "also")
    await until(lambda: batcher.waiting_texts == 4, "four texts wait")
    embedder.open()
    results = await asyncio.gather(first, good, bad, also_good, return_exceptions=True)
    assert isinstance(results[2], ValueError)
    assert [type(result) for result in results if result is not results[2]] == [np.ndarray] * 3
    assert (await batcher.embed(["after"])).tolist() == [list(vector("after"))]


async def test_an_embedder_that_miscounts_is_an_error_not_a_hang(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    embedder.open()
    with pytest.raises(ValueError, match="returned"):
        await batcher.embed(["short"])


async def test_no_texts_need_no_flight(batcher: Batcher, embedder: GatedEmbedder) -> None:
    assert (await batcher.embed([])).shape == (0, 2)
    assert embedder.flights == []


async def test_closing_lands_the_flight_and_refuses_the_rest(embedder: GatedEmbedder) -> None:
    batcher = Batcher(embedder, waiting_texts_max=1)
    first = await flying(batcher, embedder)
    waiting, outside = ask(batcher, "waiting"), ask(batcher, "outside")
    await until(lambda: batcher.waiting_texts == 1, "one text waits")
    closing = asyncio.create_task(batcher.close())
    for refused in (waiting, outside):
        with pytest.raises(DependencyAway):
            await refused
    assert not closing.done(), "closed before the flight landed"
    embedder.open()
    await closing
    assert (await first).tolist() == [list(vector("first"))]
    with pytest.raises(DependencyAway):
        await batcher.embed(["late"])
    await batcher.close()
    assert embedder.flights == [["first"]]


async def test_who_waits_for_a_large_order_is_told_of_each_flight_of_it_and_of_no_other(
    batcher: Batcher, embedder: GatedEmbedder
) -> None:
    told: list[str] = []
    first = await flying(batcher, embedder)
    texts = [f"text {number}" for number in range(2 * FLIGHT_TEXTS_MAX)]
    large = asyncio.create_task(batcher.embed(texts, lambda: told.append("large")))
    small = asyncio.create_task(batcher.embed(["small"], lambda: told.append("small")))

    embedder.gate.release()
    await embedder.until_flying()
    await first
    assert told == [], "nothing of either has been computed yet"

    embedder.gate.release()
    await embedder.until_flying()
    assert told.count("small") == 1
    midway = told.count("large")
    assert midway > 0, "expected to be told while the order is not done"
    assert not large.done()

    embedder.open()
    await asyncio.gather(large, small)
    assert told.count("large") > midway
    assert told.count("small") == 1
