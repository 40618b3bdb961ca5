"""What an agent holds: the rule by which updates are applied.

An update of an older epoch is ignored, one of a newer epoch starts empty; per key the newest
revision wins, a retraction included. Repeats and reorderings of updates change nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from contex.records.update import Item, UpdateKind

ENDS: frozenset[str] = frozenset({UpdateKind.RETRACTED, UpdateKind.DELETED})


class Versioned(Protocol):
    """One value at one revision."""

    @property
    def data_key(self) -> str:
        """The value's name."""
        ...

    @property
    def revision(self) -> int:
        """Grows with every version."""
        ...


ItemT = TypeVar("ItemT", bound=Versioned)
ItemT_co = TypeVar("ItemT_co", bound=Versioned, covariant=True)


class Telling(Protocol[ItemT_co]):
    """An update, in whatever type its reader has it."""

    @property
    def kind(self) -> str:
        """Why the agent is told."""
        ...

    @property
    def epoch(self) -> int:
        """The registration that it answers."""
        ...

    @property
    def items(self) -> Sequence[ItemT_co]:
        """The values that are told."""
        ...


class HoldingsOf(Generic[ItemT]):
    """The values one agent holds, by data key, in the type in which they are told."""

    def __init__(self) -> None:
        self.epoch = -1
        self._newest: dict[str, tuple[ItemT, bool]] = {}
        self._welcomed = False

    def apply(self, update: Telling[ItemT]) -> bool:
        """Apply an update; return whether it changed anything."""
        restarts = update.epoch > self.epoch
        return bool(self.news(update)) or restarts

    def news(self, update: Telling[ItemT]) -> Sequence[ItemT] | None:
        """Apply an update; return the items that were news, or None if it tells nothing at all.

        The first `initial` of an epoch tells something even with nothing new in it: that the agent
        now knows all that there was.
        """
        if update.epoch < self.epoch:
            return None
        if update.epoch > self.epoch:
            self.forget(update.epoch)
        found = []
        for item in update.items:
            known = self._newest.get(item.data_key)
            if known is None or known[0].revision < item.revision:
                self._newest[item.data_key] = (item, update.kind not in ENDS)
                found.append(item)
        welcome = update.kind == UpdateKind.INITIAL and not self._welcomed
        self._welcomed = self._welcomed or welcome
        return found if found or welcome else None

    def forget(self, epoch: int) -> None:
        """Start empty, in this epoch."""
        self.epoch = epoch
        self._newest = {}
        self._welcomed = False

    def holds(self, data_key: str) -> bool:
        """Say whether a value is held now."""
        known = self._newest.get(data_key)
        return known is not None and known[1]

    @property
    def items(self) -> Mapping[str, ItemT]:
        """What is held now."""
        return {key: item for key, (item, held) in self._newest.items() if held}


Holdings = HoldingsOf[Item]
