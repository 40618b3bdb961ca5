"""What an agent holds: the rule by which updates are applied.

An update of an older epoch is ignored, one of a newer epoch starts empty; per key the newest
revision wins, a retraction included. Repeats and reorderings of updates change nothing.
"""

from collections.abc import Mapping

from contex.records.update import Item, Update, UpdateKind

_ENDS = frozenset({UpdateKind.RETRACTED, UpdateKind.DELETED})


class Holdings:
    """The values one agent holds, by data key."""

    def __init__(self) -> None:
        self.epoch = -1
        self._newest: dict[str, tuple[Item, bool]] = {}

    def apply(self, update: Update) -> bool:
        """Apply an update; return whether it changed anything."""
        if update.epoch < self.epoch:
            return False
        changed = update.epoch > self.epoch
        if changed:
            self.epoch = update.epoch
            self._newest = {}
        for item in update.items:
            known = self._newest.get(item.data_key)
            if known is None or known[0].revision < item.revision:
                self._newest[item.data_key] = (item, update.kind not in _ENDS)
                changed = True
        return changed

    @property
    def items(self) -> Mapping[str, Item]:
        """What is held now."""
        return {key: item for key, (item, held) in self._newest.items() if held}
