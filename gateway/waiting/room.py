"""Waits for what follows from a write, for a bounded number of callers and a bounded time.

Decides between an answer that came, one that did not come in time, and no wait at all. What is
away or full costs the caller nothing but the wait: the write has been accepted.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum

from contex.errors import DependencyAway
from contex.log.failures import LogMisuse
from gateway import limits
from gateway.services import Services
from gateway.updates.hub import Hub
from gateway.waiting.initial import initial
from gateway.waiting.outcomes import Outcome, Outcomes
from gateway.waiting.pending import Pending, PendingValue


@dataclass(frozen=True, slots=True)
class Initial:
    """An agent's first update, in JSON."""

    body: bytes


class Missing(Enum):
    """Why there is nothing to tell."""

    LATE = "late"
    """It was waited for, and did not come in time."""
    UNKNOWN = "unknown"
    """It cannot be waited for here and now."""


class WaitingRoom:
    """Where callers wait.

    Args:
        catch_ups: bounds how many read from the log at once.
    """

    def __init__(
        self,
        services: Services,
        outcomes: Outcomes,
        hub: Hub,
        catch_ups: asyncio.Semaphore,
        *,
        waiters_max: int = limits.WAITERS_MAX,
    ) -> None:
        self._services = services
        self._outcomes = outcomes
        self._hub = hub
        self._catch_ups = catch_ups
        self._waiters_max = waiters_max
        self._waiters = 0

    async def wait(self, pending: Pending, timeout_s: float) -> Outcome | Initial | Missing:
        """Return what follows from a write, once it has."""
        if self._waiters >= self._waiters_max:
            return Missing.UNKNOWN
        self._waiters += 1
        try:
            async with asyncio.timeout(timeout_s):
                return await self._found(pending)
        except TimeoutError:
            return Missing.LATE
        except (DependencyAway, LogMisuse):
            return Missing.UNKNOWN
        finally:
            self._waiters -= 1

    async def _found(self, pending: Pending) -> Outcome | Initial | Missing:
        if isinstance(pending, PendingValue):
            return await self._outcomes.of(pending)
        body = await initial(self._services, self._hub, pending, self._catch_ups)
        return Missing.UNKNOWN if body is None else Initial(body)
