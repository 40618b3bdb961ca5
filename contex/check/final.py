"""Whether an agent holds in the end what it is owed: a pure decision per agent and value.

The feed is applied by the rule of `contex.records.holdings`; what then is held must be exactly what
meets a need and stands. What did not fit an initial context is accounted for by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contex.check.facts import Told, ToldItem
from contex.check.findings import Kind, Unjudged
from contex.check.standing import Standing
from contex.check.weighing import Owed
from contex.records.holdings import HoldingsOf
from contex.records.update import UpdateKind


class Feed:
    """One agent's feed, applied."""

    def __init__(self) -> None:
        self._holdings: HoldingsOf[ToldItem] = HoldingsOf()
        self._initial: Told | None = None

    def apply(self, one: Told) -> None:
        """Apply an update, in the order of the log."""
        self._holdings.apply(one)
        if one.kind == UpdateKind.INITIAL and one.epoch == self._holdings.epoch:
            self._initial = one

    def holds(self, data_key: str) -> bool:
        """Say whether a value is held now."""
        return self._holdings.holds(data_key)

    @property
    def epoch(self) -> int:
        """The newest registration that was told of."""
        return self._holdings.epoch

    @property
    def initial(self) -> Told | None:
        """The initial context of this epoch."""
        initial = self._initial
        return initial if initial is not None and initial.epoch == self.epoch else None

    @property
    def held(self) -> Mapping[str, ToldItem]:
        """What is held, by data key."""
        return self._holdings.items

    @property
    def omitted(self) -> Mapping[str, int]:
        """What the initial context said it left out, by data key."""
        return self.initial.omitted if self.initial else {}

    @property
    def omitted_unlisted(self) -> int:
        """How many more it left out without naming them."""
        initial = self.initial
        return 0 if initial is None else max(0, initial.omitted_total - len(initial.omitted))


@dataclass(frozen=True, slots=True)
class Pair:
    """An agent and a value.

    Attributes:
        owed: whether the version that stands meets a need.
        held: what the agent holds of the value.
        omitted: the revision that its initial context left out, or None.
        known: whether all that was told of this pair can be seen.
    """

    owed: Owed
    standing: Standing
    held: ToldItem | None = None
    omitted: int | None = None
    known: bool = True


def judge(pair: Pair) -> Kind | Unjudged | None:
    """Say what is wrong with a pair, why it cannot be said, or None when all is well."""
    live = pair.standing.live
    if pair.held is None:
        return None if live is None else _not_held(pair)
    if live is None:
        newest = pair.standing.newest
        gone = newest is None or pair.held.revision < newest.offset
        return Kind.NOT_ENDED if gone else Kind.WRONG_REVISION
    if _is_accepted(pair.standing, pair.held):
        return {Owed.YES: None, Owed.NEAR: Unjudged.NEAR, Owed.NO: Kind.SPURIOUS}[pair.owed]
    if pair.held.revision > live.offset:
        return Kind.WRONG_REVISION
    return Kind.NOT_ENDED if pair.owed is Owed.NO else Kind.OUTDATED


def _not_held(pair: Pair) -> Kind | Unjudged | None:
    if pair.owed is Owed.NO or pair.omitted in pair.standing.accepted:
        return None
    if pair.owed is Owed.NEAR:
        return Unjudged.NEAR
    return Kind.LOST if pair.known else Unjudged.RETENTION


def _is_accepted(standing: Standing, held: ToldItem) -> bool:
    if held.revision in standing.accepted:
        return True
    live = standing.live
    if live is None or not standing.open_end or held.revision > min(standing.accepted):
        return False
    # The revision that was told is compacted away: its content was that of the one that stands.
    return held.content is None or held.content == live.content
