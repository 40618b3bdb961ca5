"""What may be waited for: the routing of a value's revision, or an agent's first update. Pure."""

from dataclasses import dataclass

from contex.records.cursor import Cursor
from contex.records.names import AgentKey, ValueKey


@dataclass(frozen=True, slots=True)
class PendingValue:
    """A revision that the log has and routing has not finished yet, for all we know."""

    key: ValueKey
    revision: int


@dataclass(frozen=True, slots=True)
class PendingInitial:
    """A registration whose `initial` stands at `cursor` or later, once it is there."""

    key: AgentKey
    epoch: int
    cursor: Cursor


Pending = PendingValue | PendingInitial
