"""Asks a child how it is: HTTP health endpoints and the index's gRPC health. Answers yes or no."""

import http.client
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from contex.local.ports import LOOPBACK

TIMEOUT_S: Final = 3.0
_INDEX_HEALTH: Final = "/qdrant.Qdrant/HealthCheck"


def http_answers(port: int, path: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Return whether GET http://127.0.0.1:port/path says 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def http_probe(port: int, path: str) -> Callable[[], bool]:
    """Return a probe of one path."""
    return lambda: http_answers(port, path)


def index_answers(port: int, timeout_s: float = TIMEOUT_S) -> bool:
    """Return whether the index server's own code answers a health check."""
    import grpc  # noqa: PLC0415 - slow to import, and `contex --help` passes by here

    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        # Raw bytes both ways: an empty request, and any answer will do.
        call = channel.unary_unary(_INDEX_HEALTH, None, None)
        try:
            call(b"", timeout=timeout_s)
        except grpc.RpcError:
            return False
        return True
