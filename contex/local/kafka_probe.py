"""Asks a broker over a plain socket whether it serves: one metadata request, no client library."""

import socket
import struct
from typing import Final

_METADATA_API_KEY: Final = 3
_METADATA_API_VERSION: Final = 1
_CORRELATION_ID: Final = 7
_ANSWER_BYTES_MAX: Final = 1 << 20
_CLIENT: Final = b"contex-probe"


def metadata_request() -> bytes:
    """Return a metadata request that asks for brokers and no topic, with its length in front."""
    body = struct.pack(
        f">hhih{len(_CLIENT)}si",
        _METADATA_API_KEY,
        _METADATA_API_VERSION,
        _CORRELATION_ID,
        len(_CLIENT),
        _CLIENT,
        0,
    )
    return struct.pack(">i", len(body)) + body


def live_brokers(answer: bytes) -> int:
    """Return how many brokers a metadata answer lists (those fenced off are not listed)."""
    correlation_id, brokers = struct.unpack_from(">ii", answer)
    if correlation_id != _CORRELATION_ID:
        raise ValueError(f"expected correlation id {_CORRELATION_ID}, got {correlation_id}")
    return int(brokers)


def broker_answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Return whether a broker at host:port answers and has joined its cluster."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(metadata_request())
            (size_bytes,) = struct.unpack(">i", _read(connection, 4))
            if not 0 < size_bytes <= _ANSWER_BYTES_MAX:
                return False
            return live_brokers(_read(connection, size_bytes)) > 0
    except (OSError, ValueError, struct.error):
        return False


def _read(connection: socket.socket, size_bytes: int) -> bytes:
    received = bytearray()
    while len(received) < size_bytes:
        chunk = connection.recv(size_bytes - len(received))
        if not chunk:
            raise ConnectionError("the broker closed the connection")
        received += chunk
    return bytes(received)
