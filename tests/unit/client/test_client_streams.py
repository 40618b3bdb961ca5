"""Streams of updates over real connections: told as they come, resumed, closed from elsewhere."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from contex.client import (
    AsyncContex,
    AsyncUpdates,
    Contex,
    Disconnected,
    NotFound,
    UnexpectedAnswer,
    Update,
    Updates,
)
from contex.client.listening import RECONNECT_S_MAX, Read

PROMPT_S = 20.0
"""Long for a busy machine, and still less than any wait of a client that nobody cuts short."""
SEPARATORS = "next\u2028line\u0085here\x0b\x0c"
"""What some take for ends of lines; in an event stream they are text."""


def frame(n: int, data: object = SEPARATORS, reference: str | None = None) -> bytes:
    item = {"data_key": f"k{n}", "revision": n, "data": data, "reference": reference}
    body = {"data": {"update_id": f"u{n}", "project_id": "p", "agent_id": "a", "kind": "matched",
                     "epoch": 1, "items": [item]}}  # fmt: skip
    return f"id: 3:{n}\nevent: matched\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


class Stub:
    """A gateway whose streams say what a test has planned, connection by connection.

    A plan is a list of frames; None in it keeps the connection open, in silence.
    """

    def __init__(self) -> None:
        self.plans: list[list[bytes | None]] = []
        self.cursors: list[str | None] = []
        self.answer: tuple[int, str, bytes] | None = None
        self.stopped = threading.Event()
        self.silent = threading.Semaphore(0)
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.serve(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        if "/data/" in url.path:
            revision = parse_qs(url.query)["revision"][0]
            self._send(handler, 200, "text/plain", b"fetched", ETag=f'"{revision}"')
            return
        self.cursors.append(parse_qs(url.query).get("cursor", [None])[0])
        if self.answer is not None:
            status, kind, body = self.answer
            self._send(handler, status, kind, body)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.end_headers()
        handler.wfile.write(b"retry: 10\n\n")
        for part in self.plans.pop(0) if self.plans else [None]:
            if part is None:
                self.silent.release()
                self.stopped.wait()
            else:
                handler.wfile.write(part)

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, kind: str, body: bytes, **more: str
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.stopped.set()
    stub.server.shutdown()
    stub.server.server_close()


@pytest.fixture
def client(stub: Stub) -> Iterator[Contex]:
    with Contex(stub.url, project="p", retries_max=1) as client:
        yield client


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PROMPT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.005)


def keys(updates: list[Update]) -> list[str]:
    return [item.data_key for update in updates for item in update.items]


def test_updates_are_told_and_resumed(stub: Stub, client: Contex) -> None:
    stub.plans = [[frame(1), frame(2)[:-20]], [frame(2), b": keep-alive\nid: 3:9\n\n"], [frame(10)]]
    with client.updates("a", cursor="3:0") as updates:
        told = [next(updates) for _ in range(3)]
        assert updates.cursor == "3:10"
        assert set(updates.holdings) == {"k1", "k2", "k10"}
    assert keys(told) == ["k1", "k2", "k10"]
    assert told[0].items[0].data == SEPARATORS
    assert stub.cursors == ["3:0", "3:1", "3:9"]
    assert list(updates) == []


def test_a_reference_is_fetched_when_it_is_looked_at(stub: Stub, client: Contex) -> None:
    stub.plans = [[frame(1, None, "/somewhere"), None]]
    [item] = next(updates := client.updates("a")).items
    assert not item.body.known
    assert item.data == "fetched"
    assert updates.holdings["k1"].data == "fetched"


@pytest.mark.parametrize("who", ["updates", "client"])
def test_another_thread_ends_the_iteration(stub: Stub, client: Contex, who: str) -> None:
    stub.plans = [[frame(1), None]]
    updates = client.updates("a")
    told: list[Update] = []
    reader = threading.Thread(target=lambda: told.extend(updates), daemon=True)
    reader.start()
    assert stub.silent.acquire(timeout=PROMPT_S)
    until(lambda: told, "one update to be told")
    began = time.monotonic()
    (updates if who == "updates" else client).close()
    reader.join(PROMPT_S)
    assert not reader.is_alive(), "expected the iteration to end"
    assert time.monotonic() - began < PROMPT_S
    assert keys(told) == ["k1"]


def test_a_wait_before_the_next_connection_is_cut_short(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contex.client.listening.RECONNECT_S_BASE", RECONNECT_S_MAX)
    monkeypatch.setattr("random.random", lambda: 1.0)
    stub.answer = (503, "application/json", b"{}")
    waits: list[float] = []
    with Contex(stub.url, timeout_s=1_000, retries_max=1000) as client:
        updates = client.updates("a")
        updates.on_break = lambda _why, wait_s: waits.append(wait_s)
        reader = threading.Thread(target=lambda: list(updates), daemon=True)
        reader.start()
        until(lambda: waits, "a wait")
        updates.close()
        reader.join(PROMPT_S)
        assert not reader.is_alive()
    assert waits == [RECONNECT_S_MAX]


def test_what_cannot_be_helped_ends_it_for_good(stub: Stub, client: Contex) -> None:
    stub.answer = (404, "application/problem+json", b'{"code":"not-found","detail":"no agent"}')
    updates = client.updates("a")
    with pytest.raises(NotFound, match="no agent"):
        next(updates)
    assert list(updates) == []
    stub.answer = (200, "text/html", b"<html>")
    with pytest.raises(UnexpectedAnswer, match="expected a stream of events, got 'text/html'"):
        next(client.updates("a"))


def test_a_gateway_that_is_not_there_is_told_within_the_retries() -> None:
    with (
        Contex("http://127.0.0.1:1", retries_max=1) as client,
        pytest.raises(Disconnected, match=r"http://127.0.0.1:1/? cannot be reached"),
    ):
        next(client.updates("a"))


def test_an_iteration_that_was_never_begun_can_be_closed(client: Contex) -> None:
    updates = client.updates("a")
    updates.close()
    updates.close()
    assert list(updates) == []


async def gather(updates: AsyncUpdates, told: list[Update] | None = None) -> list[Update]:
    told = [] if told is None else told
    async for update in updates:
        told.append(update)
    return told


async def test_awaited_updates_are_told_and_resumed(stub: Stub) -> None:
    stub.plans = [[frame(1), frame(2)[:-20]], [frame(2), b": keep-alive\nid: 3:9\n\n"], [frame(10)]]
    async with AsyncContex(stub.url, project="p") as client:
        async with client.updates("a", cursor="3:0") as updates:
            told = [await anext(updates) for _ in range(3)]
            assert (updates.cursor, set(updates.holdings)) == ("3:10", {"k1", "k2", "k10"})
        assert await gather(updates) == []
    assert keys(told) == ["k1", "k2", "k10"]
    assert stub.cursors == ["3:0", "3:1", "3:9"]


async def test_whoever_stops_waiting_loses_nothing(stub: Stub) -> None:
    stub.plans = [[frame(1), None]]
    async with AsyncContex(stub.url) as client:
        updates = client.updates("a")
        told: list[Update] = []
        stopped = 0
        async with asyncio.timeout(PROMPT_S):
            while not told or stopped < 10:
                try:
                    async with asyncio.timeout(0.01):
                        told.append(await anext(updates))
                except TimeoutError:
                    stopped += 1
        assert keys(told) == ["k1"]
        assert stub.cursors == [None], "expected one connection all along"


@pytest.mark.parametrize("who", ["updates", "client"])
async def test_another_task_ends_the_iteration(stub: Stub, who: str) -> None:
    stub.plans = [[frame(1), None]]
    async with AsyncContex(stub.url) as client:
        updates = client.updates("a")
        told: list[Update] = []
        reader = asyncio.create_task(gather(updates, told))
        await asyncio.to_thread(until, lambda: told, "one update to be told")
        await (updates if who == "updates" else client).close()
        async with asyncio.timeout(PROMPT_S):
            assert keys(await reader) == ["k1"]


@pytest.mark.parametrize("turns", range(6))
async def test_an_end_and_an_update_may_come_at_once(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever turn of the loop the end falls into, nothing but the end comes of it."""
    sent = asyncio.Event()

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await sent.wait()
            yield frame(1)
            await asyncio.Event().wait()

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Body())

    listening = asyncio.Event()
    original = AsyncUpdates._do

    async def noted(self: AsyncUpdates, step: Any) -> Any:
        assert not self._closed, "expected no step after the end"
        if isinstance(step, Read):
            listening.set()
        return await original(self, step)

    monkeypatch.setattr(AsyncUpdates, "_do", noted)
    async with AsyncContex("http://g", transport=httpx.MockTransport(answer)) as client:
        updates = client.updates("a")
        reader = asyncio.create_task(gather(updates))
        await listening.wait()
        sent.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        await updates.close()
        assert keys(await reader) in ([], ["k1"])


@pytest.mark.parametrize("status", [404, 503])
async def test_a_refusal_that_never_ends_is_cut_off(
    stub: Stub, client: Contex, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("contex.client.exchanging.EVENT_BYTES_MAX", 1_000)
    stub.answer = (status, "text/plain", b"x" * 5_000)
    with pytest.raises(UnexpectedAnswer, match="over 1000 bytes"):
        next(client.updates("a"))
    async with AsyncContex(stub.url) as awaited:
        with pytest.raises(UnexpectedAnswer, match="over 1000 bytes"):
            await anext(awaited.updates("a"))


async def test_awaited_updates_end_for_good_with_their_error(stub: Stub) -> None:
    stub.answer = (404, "application/problem+json", b'{"code":"not-found","detail":"no agent"}')
    async with AsyncContex(stub.url) as client:
        updates = client.updates("a")
        with pytest.raises(NotFound, match="no agent"):
            await anext(updates)
        assert await gather(updates) == []
        stub.answer = (200, "text/html", b"<html>")
        with pytest.raises(UnexpectedAnswer):
            await anext(client.updates("a"))


async def test_an_event_that_never_ends_is_cut_off(
    stub: Stub, client: Contex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contex.client.exchanging.EVENT_BYTES_MAX", 1_000)
    endless = b"data: " + b"x" * 990
    stub.plans = [[frame(1), frame(2), endless, endless, None]] * 2
    for told in (list[Update](), list[Update]()):
        with pytest.raises(UnexpectedAnswer, match="over 1000 bytes"):
            told.extend(client.updates("a"))
        assert stub.silent.acquire(timeout=PROMPT_S)
    async with AsyncContex(stub.url) as awaited:
        stub.plans = [[frame(1), frame(2), endless, endless, None]]
        with pytest.raises(UnexpectedAnswer, match="over 1000 bytes"):
            await gather(awaited.updates("a"))


def test_streams_that_ended_are_not_kept(stub: Stub, client: Contex) -> None:
    stub.plans = [[frame(1), None]]
    updates: Updates = client.updates("a")
    next(updates)
    assert client._streams == {updates}
    updates.close()
    assert client._streams == set()
