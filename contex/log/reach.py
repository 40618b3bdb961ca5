"""Why a broker cannot be reached, or where it says that it is: over a plain socket, in words.

A client library retries in silence and then says "timed out" whatever is wrong. Decides which of
the usual mistakes it is. Sends two questions at most, and changes nothing.
"""

import socket
import struct
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contex.log import broker_wire
from contex.log.broker_wire import ANSWER_BYTES_MAX, Node, NotKafka

TIMEOUT_S: Final = 2.5
_HTTP_TIMEOUT_S: Final = 1.0
_PORT_DEFAULT: Final = 9092


_NO_CONNECTION: Final = (OSError, UnicodeError, OverflowError)
"""Names and ports that cannot be any are told with errors of their own."""


class Obstacle(StrEnum):
    """What is in the way."""

    NO_HOST = "the host name is unknown"
    REFUSED = "nothing listens there"
    TIMEOUT = "no connection in time"
    UNREACHABLE = "the network does not lead there"
    SILENT = "it takes connections but does not answer"
    CLOSED = "it closes the connection at once"
    NOT_KAFKA = "something answers, but it is not Kafka"


@dataclass(frozen=True, slots=True)
class Reached:
    """A broker that answered.

    Attributes:
        nodes: where the cluster tells clients to go.
        ahead_ms: how far its clock is ahead of ours; None when it does not tell.
    """

    nodes: tuple[Node, ...]
    ahead_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Unreached:
    """An address at which no broker answered."""

    obstacle: Obstacle


def address(server: str) -> tuple[str, int]:
    """Return host and port of `host:port`."""
    host, colon, port = server.strip().rpartition(":")
    if not colon:
        return server.strip(), _PORT_DEFAULT
    return host.strip("[]"), int(port) if port.isdigit() else _PORT_DEFAULT


def is_loopback(host: str) -> bool:
    """Say whether a host name stands for this very machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def knock(host: str, port: int, timeout_s: float = TIMEOUT_S) -> Obstacle | None:
    """Connect and hang up; return what is in the way, or None."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except _NO_CONNECTION as error:
        return _connecting(error)
    return None


def reach(host: str, port: int, timeout_s: float = TIMEOUT_S) -> Reached | Unreached:
    """Ask the broker at host:port for its cluster and for its time."""
    try:
        connection = socket.create_connection((host, port), timeout=timeout_s)
    except _NO_CONNECTION as error:
        return Unreached(_connecting(error))
    with connection:
        try:
            found = broker_wire.nodes(_ask(connection, broker_wire.metadata_request()))
        except NotKafka:
            return Unreached(Obstacle.NOT_KAFKA)
        except OSError as error:
            if _speaks_http(host, port):
                return Unreached(Obstacle.NOT_KAFKA)
            silent = isinstance(error, TimeoutError)
            return Unreached(Obstacle.SILENT if silent else Obstacle.CLOSED)
        return Reached(found, _ahead_ms(connection))


def _connecting(error: Exception) -> Obstacle:
    match error:
        case socket.gaierror() | UnicodeError():
            return Obstacle.NO_HOST
        case ConnectionRefusedError():
            return Obstacle.REFUSED
        case TimeoutError():
            return Obstacle.TIMEOUT
        case _:
            return Obstacle.UNREACHABLE


def _ahead_ms(connection: socket.socket) -> float | None:
    before_ms = time.time() * 1_000
    try:
        told_ms = broker_wire.clock_ms(_ask(connection, broker_wire.clock_request()))
    except (OSError, NotKafka):
        return None  # an older cluster, or one that does not let us ask
    after_ms = time.time() * 1_000
    # The broker looked at its clock at some moment in between.
    return None if told_ms is None else told_ms - (before_ms + after_ms) / 2


def _speaks_http(host: str, port: int) -> bool:
    """Say whether a web server is there: to our question, some of them just wait for more."""
    try:
        with socket.create_connection((host, port), timeout=_HTTP_TIMEOUT_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return _read(connection, 5, time.monotonic() + _HTTP_TIMEOUT_S) == b"HTTP/"
    except OSError:
        return False


def _ask(connection: socket.socket, request: bytes) -> bytes:
    until_s = time.monotonic() + (connection.gettimeout() or TIMEOUT_S)
    connection.sendall(request)
    (size_bytes,) = struct.unpack(">i", _read(connection, 4, until_s))
    if not 0 < size_bytes <= ANSWER_BYTES_MAX:
        raise NotKafka(f"an answer of {size_bytes} bytes")
    return _read(connection, size_bytes, until_s)


def _read(connection: socket.socket, size_bytes: int, until_s: float) -> bytes:
    received = bytearray()
    while len(received) < size_bytes:
        if time.monotonic() > until_s:
            raise TimeoutError("it answers a byte now and then")
        chunk = connection.recv(size_bytes - len(received))
        if not chunk:
            raise ConnectionError("the connection was closed")
        received += chunk
    return bytes(received)
