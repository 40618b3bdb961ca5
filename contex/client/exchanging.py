"""Requests and answers in httpx's terms: what the blocking and the asynchronous client share.

Decides the bounds of one exchange. Does no I/O.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Final, TypedDict

import httpx
from httpx_sse import ServerSentEvent

from contex.client.configuration import Configuration
from contex.client.errors import UnexpectedAnswer
from contex.client.listening import SILENCE_S_MAX, Event
from contex.client.retrying import TIMEOUT_S
from contex.client.wire import Answer, NoAnswer, Request
from contex.settings.reading import without_password

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 128 * 1024 * 1024
"""More than the gateway has to say at once: 20 queries, or 100 agents with 100 needs each."""
EVENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Between the ends of two events; an update has at most 8 MiB."""
IDLE_CONNECTIONS_MAX: Final = 20
EVENT_STREAM: Final = "text/event-stream"


class Settings(TypedDict):
    """How an httpx client is made."""

    base_url: str
    headers: dict[str, str]
    limits: httpx.Limits
    timeout: httpx.Timeout
    follow_redirects: bool


def settings(configuration: Configuration) -> Settings:
    """Return how an httpx client is made; a stream holds a connection, so these have no bound."""
    return {
        "base_url": configuration.url,
        "headers": configuration.headers,
        "limits": httpx.Limits(
            max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS_MAX
        ),
        "timeout": timeouts(TIMEOUT_S),
        "follow_redirects": False,
    }


def timeouts(timeout_s: float) -> httpx.Timeout:
    """Return the time limits of one exchange."""
    return httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))


STREAM_TIMEOUTS: Final = httpx.Timeout(
    CONNECT_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=SILENCE_S_MAX
)


class Sent(TypedDict):
    """One request."""

    method: str
    url: str
    params: dict[str, str | int] | None
    headers: dict[str, str]
    content: bytes | None


def sent(request: Request) -> Sent:
    """Return a request as httpx takes it."""
    params = {name: value for name, value in request.params.items() if value is not None}
    return {
        "method": request.method,
        "url": request.path,
        "params": params or None,
        "headers": dict(request.headers),
        "content": request.body,
    }


def answer(response: httpx.Response, body: bytes) -> Answer:
    """Return an answer as the core takes it."""
    return Answer(response.status_code, {**response.headers}, body)


def no_answer(error: httpx.RequestError, url: str) -> NoAnswer:
    """Return why there is no answer, in words; a password in the URL is not repeated."""
    url = without_password(url)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer(f"{url} did not answer in time ({type(error).__name__})")
    return NoAnswer(f"{url} cannot be reached ({str(error) or type(error).__name__})")


def check_size(size_bytes: int) -> None:
    """Refuse to gather an endless answer.

    Raises:
        UnexpectedAnswer: it is larger than any of a gateway.
    """
    if size_bytes > ANSWER_BYTES_MAX:
        raise UnexpectedAnswer(f"the answer has over {ANSWER_BYTES_MAX} bytes")


class BoundedStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response's bytes, as long as an event ends now and then.

    Attributes:
        waiting_bytes: what came since the last event; whoever reads events sets it to 0.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._stream = response.stream
        self.waiting_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx.SyncByteStream), "a blocking client's"
        for chunk in self._stream:
            yield self._counted(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream), "an asynchronous client's"
        async for chunk in self._stream:
            yield self._counted(chunk)

    def close(self) -> None:
        """Close the connection."""
        assert isinstance(self._stream, httpx.SyncByteStream), "a blocking client's"
        self._stream.close()

    async def aclose(self) -> None:
        """Close the connection."""
        assert isinstance(self._stream, httpx.AsyncByteStream), "an asynchronous client's"
        await self._stream.aclose()

    def _counted(self, chunk: bytes) -> bytes:
        self.waiting_bytes += len(chunk)
        if self.waiting_bytes > EVENT_BYTES_MAX:
            raise UnexpectedAnswer(f"over {EVENT_BYTES_MAX} bytes came without the end of an event")
        return chunk


def bound(response: httpx.Response) -> BoundedStream:
    """Bound what a stream of events may send without ending one."""
    stream = BoundedStream(response)
    response.stream = stream
    return stream


def check_stream(response: httpx.Response) -> None:
    """Refuse a 200 that is no stream of events.

    Raises:
        UnexpectedAnswer: it is something else.
    """
    declared = response.headers.get("content-type", "")
    if declared.partition(";")[0].strip().lower() != EVENT_STREAM:
        raise UnexpectedAnswer(
            f"expected a stream of events, got {declared[:80]!r}", status=response.status_code
        )


def event(found: ServerSentEvent) -> Event:
    """Return an event as the core takes it."""
    return Event(found.event, found.data, found.id, found.retry)


ENDED: Final = NoAnswer("the gateway ended it")
