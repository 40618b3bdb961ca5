"""What each agent has in the flow, and when it has too much there.

Decides whose records must not wait here: an agent whose endpoint hangs would fill the flow, and
every other agent would wait behind it. An endpoint that keeps up may have as much as there is room
for, so that a burst reaches it at its own pace and in order. Moves no record; the clock is handed
in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

SLOW_S = 2.0
"""An agent whose record takes this long is slow."""
HANGING_S = 10.0
"""An agent whose record takes this long may never answer."""
HELD_PER_SLOW_AGENT_MAX = 50
"""Records of a slow agent at a time; of any agent, while there is little room."""
HELD_PER_HANGING_AGENT_MAX = 4
"""As many as may be under way to one endpoint: what is behind them is a minute old at most."""


@dataclass(slots=True)
class _Agent:
    held: int = 0
    begun_s: dict[object, float] = field(default_factory=dict)
    took_s: float = 0.0

    def stuck_s(self, now_s: float) -> float:
        """Return how long it makes records wait: the last one, or the one that is longest in."""
        oldest_s = next(iter(self.begun_s.values()), now_s)
        return max(self.took_s, now_s - oldest_s)


class Backlog:
    """Counts the records of each key; forgets a key that has none.

    Args:
        clock_s: seconds that only grow.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._agents: dict[bytes | None, _Agent] = {}

    def take(self, key: bytes | None) -> None:
        """A record of this agent is held."""
        self._agents.setdefault(key, _Agent()).held += 1

    def begin(self, key: bytes | None, place: object) -> None:
        """The work of one of them begins."""
        self._agents[key].begun_s[place] = self._clock_s()

    def end(self, key: bytes | None, place: object) -> None:
        """The work of one of them has ended."""
        agent = self._agents[key]
        agent.took_s = self._clock_s() - agent.begun_s.pop(place)

    def release(self, key: bytes | None) -> None:
        """One of them is held no longer."""
        agent = self._agents[key]
        agent.held -= 1
        if not agent.held:
            del self._agents[key]

    def slow(self, key: bytes | None) -> bool:
        """Whether the agent itself makes its records wait, rather than a lack of room."""
        return self._agents.get(key, _Agent()).stuck_s(self._clock_s()) >= SLOW_S

    def room(self, key: bytes | None, *, scarce: bool) -> int | None:
        """Return how many more of this agent may be held, fewer than none if some must go.

        None is no bound of its own. `scarce` says that there is little room for everybody.
        """
        agent = self._agents.get(key, _Agent())
        stuck_s = agent.stuck_s(self._clock_s())
        if stuck_s >= HANGING_S:
            return HELD_PER_HANGING_AGENT_MAX - agent.held
        if stuck_s >= SLOW_S or scarce:
            return HELD_PER_SLOW_AGENT_MAX - agent.held
        return None
