"""Whether something that was told may have been told: every item by itself, a pure decision.

Decides from facts that are looked up through a port; what the log does not hold any more is said to
be unjudged, never guessed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from contex.check.facts import Registered, State, Told, ToldItem, Version
from contex.check.findings import Kind, Unjudged
from contex.check.weighing import NEAR, Owed, Weighed
from contex.records.holdings import ENDS
from contex.records.names import AgentKey, ValueKey
from contex.records.registration import Need
from contex.records.update import Cause, UpdateKind, update_id
from contex.routing.decide import reference

SCORE_TOLERANCE = 0.005
"""Between a score as told and as recomputed: another machine, another batch, another precision."""
_OF_VALUES = frozenset({UpdateKind.MATCHED, UpdateKind.UPDATED, *ENDS})


class Missing(Enum):
    """Why the log does not have a record."""

    NEVER = auto()
    COMPACTED = auto()


class Facts(Protocol):
    """What the log says."""

    def version(self, key: ValueKey, revision: int) -> Version | Missing:
        """Return a value's version."""

    def registered(self, agent: AgentKey, epoch: int) -> Registered | Missing:
        """Return an agent's registration."""

    def weigh(self, needs: tuple[Need, ...], version: Version) -> Weighed:
        """Weigh a version that is live against needs."""

    def met_before(self, needs: tuple[Need, ...], version: Version) -> bool | Missing:
        """Say whether an older version of the value may have met a need."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where the records are that cause updates."""

    publications: str
    registrations: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an update, or why it was not judged."""

    what: Kind | Unjudged
    detail: str
    data_key: str = ""


def justify(
    one: Told, holds: Callable[[str], bool], facts: Facts, topics: Topics
) -> Iterator[Fault]:
    """Yield what is wrong with an update.

    Args:
        one: the update.
        holds: whether the agent held a value when it was told.
        facts: what the log says.
        topics: where causes are.
    """
    expected = str(update_id(one.cause, one.agent))
    if one.update_id != expected:
        yield Fault(Kind.WRONG_ID, f"expected {expected}, got {one.update_id}")
    registered = facts.registered(one.agent, one.epoch)
    if registered is Missing.NEVER or (
        isinstance(registered, Registered) and registered.state is State.ENDED
    ):
        yield Fault(Kind.WRONG_EPOCH, f"the agent has no registration {one.epoch}")
        return
    fault = _cause(one, topics)
    if fault is not None:
        yield fault
        return
    if isinstance(registered, Registered) and one.kind == UpdateKind.INITIAL:
        yield from _partition(one, registered.partition)
        for data_key, revision in one.omitted.items():
            key = ValueKey(one.agent.scope, data_key)
            yield from _omitted(key, facts.version(key, revision), registered, facts)
    for item in one.items:
        yield from _item(one, item, holds, registered, facts)


def _cause(one: Told, topics: Topics) -> Fault | None:
    cause, kind = one.cause, one.kind
    if kind == UpdateKind.INITIAL:
        wanted = Cause(topics.registrations, cause.partition, one.epoch)
        if cause != wanted:
            return Fault(Kind.WRONG_CAUSE, f"expected its registration {wanted}, got {cause}")
        return None
    if kind not in _OF_VALUES or cause.topic != topics.publications or len(one.items) != 1:
        return Fault(Kind.WRONG_CAUSE, f"{kind} of {len(one.items)} items caused by {cause}")
    if cause.offset != one.items[0].revision:
        detail = f"told of revision {one.items[0].revision} because of {cause.offset}"
        return Fault(Kind.WRONG_REVISION, detail, one.items[0].data_key)
    return None


def _partition(one: Told, partition: int, data_key: str = "") -> Iterator[Fault]:
    if one.cause.partition != partition:
        detail = f"its cause is in partition {partition}, got {one.cause}"
        yield Fault(Kind.WRONG_CAUSE, detail, data_key)


def _omitted(
    key: ValueKey, version: Version | Missing, registered: Registered, facts: Facts
) -> Iterator[Fault]:
    """Judge what an initial context left out: it must be owed as much as what is in it."""
    if version is Missing.COMPACTED:
        yield Fault(Unjudged.COMPACTED, "what was left out", key.data_key)
    elif isinstance(version, Missing):
        yield Fault(Kind.WRONG_REVISION, "left out what the value never was", key.data_key)
    elif version.state is not State.LIVE or facts.weigh(registered.needs, version).owed is Owed.NO:
        yield Fault(Kind.SPURIOUS, "left out, but it meets no need", key.data_key)


def _item(
    one: Told,
    item: ToldItem,
    holds: Callable[[str], bool],
    registered: Registered | Missing,
    facts: Facts,
) -> Iterator[Fault]:
    key = ValueKey(one.agent.scope, item.data_key)
    version = facts.version(key, item.revision)
    if version is Missing.COMPACTED:
        yield Fault(Unjudged.COMPACTED, f"revision {item.revision}", item.data_key)
        return
    if isinstance(version, Missing):
        detail = f"the value has no revision {item.revision}"
        yield Fault(Kind.WRONG_REVISION, detail, item.data_key)
        return
    if one.kind != UpdateKind.INITIAL:
        yield from _partition(one, version.partition, item.data_key)
    deleted = version.state is State.ENDED
    if deleted != (one.kind == UpdateKind.DELETED):
        detail = f"told {one.kind}, but the record {'deletes' if deleted else 'is a version'}"
        yield Fault(Kind.WRONG_KIND, detail, item.data_key)
        return
    if version.state is State.UNREADABLE:
        yield Fault(Kind.SPURIOUS, f"told of what cannot be read: {version.error}", item.data_key)
        return
    if one.kind in ENDS:
        yield from _end(item, version, registered, facts)
        if isinstance(registered, Registered) and not holds(item.data_key):
            yield from _unheld(one, version, registered, facts)
        return
    yield from _needs(item, version, registered, facts)
    yield from _content(key, item, version, facts)


def _end(
    item: ToldItem, version: Version, registered: Registered | Missing, facts: Facts
) -> Iterator[Fault]:
    if item.content is not None or item.needs:
        yield Fault(Kind.WRONG_CONTENT, "an end has content or needs", item.data_key)
    if version.state is not State.LIVE:
        return
    if isinstance(registered, Missing):
        yield Fault(Unjudged.COMPACTED, "the registration", item.data_key)
    elif facts.weigh(registered.needs, version).owed is Owed.YES:
        yield Fault(Kind.SPURIOUS, "told retracted, but it meets a need", item.data_key)


def _unheld(one: Told, version: Version, registered: Registered, facts: Facts) -> Iterator[Fault]:
    """Judge the end of what the agent does not seem to hold.

    It is owed where an older version met a need: the agent was told before, or would have been.
    """
    data_key = version.key.data_key
    met = facts.met_before(registered.needs, version)
    if met is Missing.COMPACTED:
        yield Fault(Unjudged.COMPACTED, "older versions", data_key)
    elif not met:
        yield Fault(Kind.SPURIOUS, f"told {one.kind}, but it never met a need", data_key)


def _needs(
    item: ToldItem, version: Version, registered: Registered | Missing, facts: Facts
) -> Iterator[Fault]:
    if isinstance(registered, Missing):
        # What was told says its own needs; their filters and exclusions are not known any more.
        needs = tuple(Need(need.need, need.threshold) for need in item.needs)
        yield Fault(Unjudged.COMPACTED, "the registration", item.data_key)
    else:
        needs = registered.needs
    weighed = facts.weigh(needs, version)
    ordinals: dict[tuple[str, float], list[int]] = {}
    for ordinal, need in enumerate(needs):
        ordinals.setdefault((need.text, need.threshold), []).append(ordinal)
    said: set[int] = set()
    for told in item.needs:
        same = ordinals.get((told.need, told.threshold), [])
        if not same:
            yield Fault(Kind.WRONG_NEEDS, f"it has no need {told.need[:80]!r}", item.data_key)
            return
        said |= set(same)
        score = weighed.scores[same[0]]
        if not weighed.possibly & set(same):
            detail = f"scores {score:.4f} for {told.need[:80]!r}, threshold {told.threshold:.4f}"
            yield Fault(Kind.SPURIOUS, detail, item.data_key)
        elif abs(score - told.score) > SCORE_TOLERANCE + NEAR:
            detail = f"told {told.score:.4f} for {told.need[:80]!r}, recomputed {score:.4f}"
            yield Fault(Kind.WRONG_SCORE, detail, item.data_key)
    if not item.needs:
        yield Fault(Kind.SPURIOUS, "told without a need", item.data_key)
    elif isinstance(registered, Registered) and not weighed.surely <= said:
        lacking = [needs[ordinal].text[:80] for ordinal in sorted(weighed.surely - said)]
        yield Fault(Kind.WRONG_NEEDS, f"it meets {lacking} too", item.data_key)


def _content(key: ValueKey, item: ToldItem, version: Version, facts: Facts) -> Iterator[Fault]:
    if item.tokens != version.tokens:
        detail = f"told {item.tokens} tokens, has {version.tokens}"
        yield Fault(Kind.WRONG_CONTENT, detail, item.data_key)
    if item.content is not None:
        if item.content != version.content:
            detail = f"the content is not that of revision {item.revision}"
            yield Fault(Kind.WRONG_CONTENT, detail, item.data_key)
        return
    written = (item.reference or "").rpartition("=")[2]
    revision = int(written) if written.isascii() and written.isdigit() else -1
    if item.reference != reference(key, revision):
        detail = f"neither content nor a reference to it: {item.reference!r}"
        yield Fault(Kind.WRONG_CONTENT, detail, item.data_key)
        return
    other = facts.version(key, revision)
    if isinstance(other, Missing):
        if other is Missing.NEVER:
            yield Fault(Kind.WRONG_CONTENT, f"refers to {item.reference}", item.data_key)
    elif other.content_hash != version.content_hash:
        detail = f"refers to revision {revision}, which says something else"
        yield Fault(Kind.WRONG_CONTENT, detail, item.data_key)
