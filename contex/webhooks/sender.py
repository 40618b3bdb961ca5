"""The sender: one POST to one endpoint, and what came of it, as a value.

Decides the limits of a request and what a failure is called. Never raises for a fault of the
endpoint or the network, never follows a redirect, never schedules another try.

The address guard stands where sockets are made: a name, a literal or a rebound name all pass
through it with the address that is really connected to, every time.
"""

import errno
import socket
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import aiohttp

from contex.webhooks.addresses import Network, refusal
from contex.webhooks.attempts import Answered, Failure, Result, Unanswered

CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 15.0
RESPONSE_BYTES_MAX = 16 * 1024
EXCERPT_BYTES_MAX = 1024
IDLE_CONNECTION_S = 4.0
"""Below the 5 s after which common servers close an idle connection under a request."""
HEADERS_MAX = 100
HEADER_BYTES_MAX = 8 * 1024
USER_AGENT = f"Contex-Webhook/{version('contex-stream')}"
BLOCKED = "webhooks may not reach this address"

_NAMED_FIRST = (aiohttp.ClientSSLError, aiohttp.ClientConnectorDNSError)
_FAILURES: tuple[tuple[type[Exception], Failure, str], ...] = (
    (aiohttp.ClientConnectorCertificateError, Failure.TLS, "the certificate is not trusted"),
    (aiohttp.ClientSSLError, Failure.TLS, "the handshake failed"),
    (
        aiohttp.ClientConnectorDNSError,
        Failure.NAME_UNRESOLVED,
        "the host name does not resolve",
    ),
    (
        aiohttp.ConnectionTimeoutError,
        Failure.UNREACHABLE,
        f"no connection within {CONNECT_TIMEOUT_S:g} s",
    ),
    (TimeoutError, Failure.TIMEOUT, "no answer in time"),
    (ValueError, Failure.ADDRESS_INVALID, "the URL cannot be called"),
    (aiohttp.NonHttpUrlClientError, Failure.ADDRESS_INVALID, "the URL is not http or https"),
    (
        aiohttp.ClientResponseError,
        Failure.PROTOCOL,
        "the answer is not HTTP, or its head is too large",
    ),
)
"""From the narrow kinds to the wide; aiohttp's own errors are several of these at once."""
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class AddressBlocked(OSError):
    """The guard refused an address. Carries no address: its text may reach the endpoint's owner."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, BLOCKED)


class Sender:
    """Sends requests over pooled connections; use as an async context manager.

    Args:
        allow: networks that the operator opens beside the public internet.
        connections_max: connections at a time; as many as requests may be in flight.
        total_timeout_s: bound on one request, from the name look-up to the answer's end.
    """

    def __init__(
        self,
        allow: Collection[Network],
        *,
        connections_max: int,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
    ) -> None:
        self._allow = tuple(allow)
        self._connections_max = connections_max
        self._timeout = aiohttp.ClientTimeout(
            total=total_timeout_s, connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=self._connections_max,
            keepalive_timeout=IDLE_CONNECTION_S,
            socket_factory=guarded_socket_factory(self._allow),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
            read_bufsize=RESPONSE_BYTES_MAX,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Send `body` once and say what came of it."""
        assert self._session is not None, "the sender is used as a context manager"
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                excerpt = await _excerpt(response)
                return Answered(response.status, response.headers.get("Retry-After"), excerpt)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Unanswered(*_failure(error))


def guarded_socket_factory(
    allow: Collection[Network],
) -> Callable[[_AddressInfo], socket.socket]:
    """Return what makes the sockets of connections, and refuses those to forbidden addresses."""

    def make(info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if family not in {socket.AF_INET, socket.AF_INET6} or _refused(address, allow):
            raise AddressBlocked
        return socket.socket(family, kind, protocol)

    return make


def _refused(address: tuple[Any, ...], allow: Collection[Network]) -> bool:
    """Judge a socket address; a zone may stand in the text or in the fourth place."""
    has_zone = len(address) > 3 and address[3] != 0  # noqa: PLR2004 - (host, port, flow, zone)
    return has_zone or refusal(str(address[0]), allow) is not None


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """Read at most `RESPONSE_BYTES_MAX` of the body; the status stands, whatever becomes of it.

    A body that ends within the limit leaves the connection to the next request.
    """
    kept = b""
    size = 0
    try:
        async for chunk in response.content.iter_any():
            size += len(chunk)
            kept += chunk[: EXCERPT_BYTES_MAX - len(kept)]
            if size > RESPONSE_BYTES_MAX:
                response.close()
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()
    return kept.decode(errors="replace")


def _failure(error: Exception) -> tuple[Failure, str]:
    """Name a failure, in words that hold no address."""
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, _NAMED_FIRST):
        return _connection_failure(error.os_error)
    for kind, failure, words in _FAILURES:
        if isinstance(error, kind):
            return failure, words
    return Failure.DISCONNECTED, "the connection broke before an answer"


def _connection_failure(error: OSError) -> tuple[Failure, str]:
    # Several addresses may have failed in several ways; their errors then come as one text.
    if isinstance(error, AddressBlocked) or BLOCKED in str(error):
        return Failure.ADDRESS_REFUSED, BLOCKED
    if error.errno in _OURS:
        return Failure.LOCAL, errno.errorcode.get(error.errno or 0, "")
    if error.errno == errno.ECONNREFUSED:
        return Failure.UNREACHABLE, "the connection was refused"
    return Failure.UNREACHABLE, "no connection"
