"""Turns: who changes an agent has it to itself, within this gateway.

Decides order alone: first come, first served, agent by agent. Gateways do not know of each other:
of two that change one agent at once, the registration that comes last in the log counts.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contex.records.names import AgentKey


class Turns:
    """Hands out turns; remembers only agents that somebody waits for or has."""

    def __init__(self) -> None:
        self._locks: dict[AgentKey, asyncio.Lock] = {}
        self._interested: dict[AgentKey, int] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def of(self, *keys: AgentKey) -> AsyncIterator[None]:
        """Have the turn of each of the agents, for as long as it lasts."""
        async with AsyncExitStack() as taken:
            for key in sorted(set(keys)):  # in one order everywhere: nobody waits in a circle
                await taken.enter_async_context(self._turn(key))
            yield

    @asynccontextmanager
    async def _turn(self, key: AgentKey) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._interested[key] = self._interested.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._interested[key] -= 1
            if not self._interested[key]:
                del self._interested[key], self._locks[key]
