"""Which revision of a value stands, and which of them an agent may hold: a pure decision.

What was dead-lettered never counted. A republish of the same content keeps the revision that was
told, so of the versions at the end that say the same, an agent may hold any.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contex.check.facts import State, Version

ACCEPTED_MAX = 10_000
"""Republishes of the same content that are told apart; older ones count as compacted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of one value.

    Attributes:
        newest: the version that counts; None if none ever did.
        accepted: the revisions of its content.
        open_end: whether older versions of the same content may have been compacted away.
        doubtful: whether a newer one was dead-lettered that could be read today.
    """

    newest: Version | None
    accepted: frozenset[int] = frozenset()
    open_end: bool = False
    doubtful: bool = False

    @property
    def live(self) -> Version | None:
        """The version that stands, None where the value ended or never was."""
        return self.newest if self.newest and self.newest.state is State.LIVE else None


def standing(newest_first: Iterable[Version]) -> Standing:
    """Decide what stands, given a key's versions from the newest to the oldest that is retained."""
    newest: Version | None = None
    doubtful = False
    accepted: set[int] = set()
    for version in newest_first:
        if version.dead or version.state is State.UNREADABLE:
            # Unreadable without a dead letter is a finding of its own.
            if newest is None and (version.state is not State.UNREADABLE or not version.dead):
                doubtful = True
            elif newest is not None and version.content_hash == newest.content_hash:
                accepted.add(version.offset)
            continue
        if newest is None:
            newest = version
        elif version.state is not newest.state or version.content_hash != newest.content_hash:
            return Standing(newest, frozenset(accepted), open_end=False, doubtful=doubtful)
        accepted.add(version.offset)
        if len(accepted) >= ACCEPTED_MAX:
            break
    return Standing(newest, frozenset(accepted), open_end=True, doubtful=doubtful)
