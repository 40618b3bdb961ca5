"""The sender against real sockets on this machine: servers that answer, misbehave, or are walls."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from contex.webhooks.attempts import Answered, Failure, Unanswered
from contex.webhooks.sender import (
    EXCERPT_BYTES_MAX,
    AddressBlocked,
    Sender,
    guarded_socket_factory,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A TCP server that speaks whatever it is told to, once a request's head has come."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                self.requests.append(head + await reader.readexactly(length))
                await self._talk(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[Server]:
    server = Server(talk)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def saying(answer: bytes) -> Talk:
    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return talk


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """For answers that come, on a busy machine as well."""
    async with Sender(LOOPBACK, connections_max=8, total_timeout_s=30.0) as sender:
        yield sender


@pytest.fixture
async def hurried() -> AsyncIterator[Sender]:
    """For answers that do not end; their heads, if they have any, must come within its time."""
    async with Sender(LOOPBACK, connections_max=8, total_timeout_s=2.0) as sender:
        yield sender


async def test_a_request_is_sent_whole_and_the_answer_read(sender: Sender) -> None:
    async with serving(saying(OK)) as server:
        url = f"http://127.0.0.1:{server.port}/hook?a=b"
        result = await sender.post(url, {"webhook-id": "7"}, b'{"x":1}')

    assert result == Answered(200, None, "ok")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert b"webhook-id: 7" in head
    assert b"User-Agent: Contex-Webhook/" in head
    assert b"Accept-Encoding: identity" in head
    assert body == b'{"x":1}'


async def test_a_connection_is_used_again(sender: Sender) -> None:
    async with serving(saying(OK)) as server:
        for _ in range(5):
            await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

        assert (server.connections, len(server.requests)) == (1, 5)


async def test_cookies_are_never_sent_back(sender: Sender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(answer)) as server:
        for _ in range(2):
            await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert all(b"cookie" not in request.lower() for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(sender: Sender, status: int) -> None:
    async with serving(saying(OK)) as target:
        answer = (
            f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{target.port}/\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()
        async with serving(saying(answer)) as server:
            result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert result == Answered(status, None, "")
    assert target.requests == []


async def test_retry_after_is_handed_on(sender: Sender) -> None:
    answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(answer)) as server:
        result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert result == Answered(429, "120", "")


async def test_an_endless_body_is_cut_and_an_excerpt_kept(sender: Sender) -> None:
    sent = 0

    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 Oops\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with serving(talk) as server:
        result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert result == Answered(500, None, "x" * EXCERPT_BYTES_MAX)
    assert sent < 32 * 1024 * 1024


async def test_a_compressed_body_is_never_unpacked(sender: Sender) -> None:
    bomb = gzip.compress(bytes(10_000_000))[: 8 * 1024]
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with serving(saying(answer + bomb)) as server:
        result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert isinstance(result, Answered)
    assert result.excerpt == bomb[:EXCERPT_BYTES_MAX].decode(errors="replace")


async def test_a_hanging_endpoint_times_out(hurried: Sender) -> None:
    started = time.monotonic()
    async with serving(saying(b"")) as server:
        result = await hurried.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert result == Unanswered(Failure.TIMEOUT, "no answer in time")
    assert time.monotonic() - started < 8


async def test_a_head_that_drips_is_bounded_by_the_total(hurried: Sender) -> None:
    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            writer.write(b"X-%d: y\r\n" % number)
            await writer.drain()
            await asyncio.sleep(0.1)

    async with serving(talk) as server:
        started = time.monotonic()
        result = await hurried.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert result == Unanswered(Failure.TIMEOUT, "no answer in time")
    assert time.monotonic() - started < 8


async def test_a_body_that_drips_is_bounded_and_the_status_stands(hurried: Sender) -> None:
    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"z")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with serving(talk) as server:
        started = time.monotonic()
        result = await hurried.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert isinstance(result, Answered)
    assert result.accepted
    assert set(result.excerpt) == {"z"}
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
    ids=["no HTTP", "one huge header", "many headers", "no status"],
)
async def test_an_answer_that_is_not_http_is_the_endpoints_fault(
    sender: Sender, answer: bytes
) -> None:
    async with serving(saying(answer)) as server:
        result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert isinstance(result, Unanswered)
    assert result.failure is Failure.PROTOCOL


async def test_a_connection_that_breaks(sender: Sender) -> None:
    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serving(talk) as server:
        result = await sender.post(f"http://127.0.0.1:{server.port}/", {}, b"{}")

    assert isinstance(result, Unanswered)
    assert result.failure is Failure.DISCONNECTED


async def test_nobody_listens(sender: Sender) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        result = await sender.post(f"http://127.0.0.1:{free.getsockname()[1]}/", {}, b"{}")

    assert result == Unanswered(Failure.UNREACHABLE, "the connection was refused")


async def test_tls_to_a_server_without_it(sender: Sender) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        result = await sender.post(f"https://127.0.0.1:{port}/", {}, b"{}")

    assert isinstance(result, Unanswered)
    assert result.failure is Failure.TLS


async def test_a_name_that_does_not_resolve(sender: Sender) -> None:
    result = await sender.post("http://no-such-host.invalid/", {}, b"{}")

    assert isinstance(result, Unanswered)
    assert result.failure in {Failure.NAME_UNRESOLVED, Failure.TIMEOUT}


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://example.com/", "http://", "http:///x", "http://[::1/", "http://a:x/"],
)
async def test_a_url_that_cannot_be_called(sender: Sender, url: str) -> None:
    result = await sender.post(url, {}, b"{}")

    assert isinstance(result, Unanswered)
    assert result.failure is Failure.ADDRESS_INVALID


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0",
    ],
)
async def test_the_guard_blocks_every_spelling_at_the_socket(host: str) -> None:
    async with serving(saying(OK)) as server, Sender((), connections_max=8) as guarded:
        result = await guarded.post(f"http://{host}:{server.port}/", {}, b"{}")

        assert isinstance(result, Unanswered)
        # The HTTP client itself refuses some spellings before the guard sees their address.
        assert result.failure in {Failure.ADDRESS_REFUSED, Failure.ADDRESS_INVALID}
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "[::1]"])
async def test_a_blocked_address_is_named_so_and_not_shown(host: str) -> None:
    async with Sender((), connections_max=8) as guarded:
        result = await guarded.post(f"http://{host}:9/", {}, b"{}")

    assert result == Unanswered(Failure.ADDRESS_REFUSED, "webhooks may not reach this address")


def test_a_zone_in_the_socket_address_is_refused() -> None:
    make = guarded_socket_factory((ip_network("fe80::/10"),))

    with pytest.raises(AddressBlocked):
        make((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 80, 0, 2)))


def test_a_family_that_is_not_the_internet_is_refused() -> None:
    make = guarded_socket_factory(LOOPBACK)

    with pytest.raises(AddressBlocked):
        make((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", ("/run/x.sock",)))
