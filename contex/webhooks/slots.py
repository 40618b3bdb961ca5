"""Slots: how many requests may be under way, in all and to one endpoint.

Decides who waits. Whoever waits for its endpoint takes no slot from others, so a slow endpoint
holds at most its own few.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

IN_FLIGHT_MAX = 64
IN_FLIGHT_PER_ENDPOINT_MAX = 4


class Slots:
    """Bounds requests; both bounds are fair, first come first served."""

    def __init__(
        self,
        in_flight_max: int = IN_FLIGHT_MAX,
        per_endpoint_max: int = IN_FLIGHT_PER_ENDPOINT_MAX,
    ) -> None:
        self._all = asyncio.Semaphore(in_flight_max)
        self._per_endpoint_max = per_endpoint_max
        self._endpoints: dict[str, asyncio.Semaphore] = {}
        self._interested: dict[str, int] = {}

    @property
    def endpoints(self) -> int:
        """How many endpoints hold a slot or wait for one."""
        return len(self._endpoints)

    @asynccontextmanager
    async def taken(self, url: str) -> AsyncIterator[None]:
        """Hold a slot for a request to `url`."""
        endpoint = endpoint_of(url)
        slots = self._endpoints.setdefault(endpoint, asyncio.Semaphore(self._per_endpoint_max))
        self._interested[endpoint] = self._interested.get(endpoint, 0) + 1
        try:
            async with slots, self._all:
                yield
        finally:
            self._interested[endpoint] -= 1
            if not self._interested[endpoint]:
                del self._interested[endpoint], self._endpoints[endpoint]


def endpoint_of(url: str) -> str:
    """Return what shares a bound: scheme, host and port; a URL that has none stands for itself."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.hostname}:{port}"
