"""The plan: what must change on a cluster until it is as the catalogue says.

Decides what may be changed and what is refused; changes nothing. Nothing is ever deleted or shrunk,
and a keyed topic's partitions are never changed: its keys would move, and their order would break.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from topology.catalogue import TOPICS, Topic

REPLICATION_FACTOR_MAX = 3
NAME_PREFIX = "contex."
"""Topics of other names on the same cluster are somebody else's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as it stands on the cluster; `config` lists what is set on the topic itself."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What the cluster has."""

    brokers: int
    topics: Mapping[str, Found]


@dataclass(frozen=True, slots=True)
class Create:
    """A topic that is missing."""

    topic: Topic
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that differs; `was` is None when the topic did not set it."""

    name: str
    was: str | None
    becomes: str


@dataclass(frozen=True, slots=True)
class Alter:
    """A topic whose settings differ."""

    name: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Grow:
    """A topic without relied-on keys that has too few partitions."""

    name: str
    was: int
    becomes: int


Change = Create | Alter | Grow


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a topic in words: a refusal, or a difference that is left alone."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        refusals: differences that an edit cannot repair: while there is one, nothing is applied.
        notices: differences that are left alone.
    """

    changes: tuple[Change, ...] = ()
    refusals: tuple[Remark, ...] = ()
    notices: tuple[Remark, ...] = ()


def make_plan(state: ClusterState, topics: Iterable[Topic] = TOPICS) -> Plan:
    """Compare `topics` with what the cluster has."""
    changes: list[Change] = []
    refusals: list[Remark] = []
    notices: list[Remark] = []
    wanted = {topic.name: topic for topic in topics}
    replication_factor = min(REPLICATION_FACTOR_MAX, state.brokers)
    for topic in wanted.values():
        found = state.topics.get(topic.name)
        if found is None:
            config = desired_config(topic, replication_factor)
            changes.append(Create(topic, replication_factor, config))
            continue
        changes += _settings(topic, found)
        if found.partitions != topic.partitions:
            _partitions(topic, found, changes, refusals, notices)
        notices += _notices(topic, found, replication_factor)
    notices += [
        Remark(name, "is not in the catalogue: left alone")
        for name in sorted(state.topics)
        if name.startswith(NAME_PREFIX) and name not in wanted
    ]
    return Plan(tuple(changes), tuple(refusals), tuple(notices))


def desired_config(topic: Topic, replication_factor: int) -> Mapping[str, str]:
    """Return all settings of a topic with so many replicas.

    With three, a write is acknowledged by two: one broker may be lost without losing anything that
    was acknowledged, and without refusing writes.
    """
    return {**topic.config, "min.insync.replicas": str(max(1, replication_factor - 1))}


def is_done(change: Change, state: ClusterState) -> bool:
    """Whether the cluster shows `change`."""
    match change:
        case Create(topic=topic):
            return topic.name in state.topics
        case Alter(name=name, settings=settings):
            found = state.topics.get(name)
            return found is not None and all(
                found.config.get(setting.name) == setting.becomes for setting in settings
            )
        case Grow(name=name, becomes=becomes):
            found = state.topics.get(name)
            return found is not None and found.partitions >= becomes


def _settings(topic: Topic, found: Found) -> list[Change]:
    # By the replicas there are, not those there should be: more than exist would refuse all writes.
    settings = tuple(
        Setting(name, found.config.get(name), becomes)
        for name, becomes in sorted(desired_config(topic, found.replication_factor).items())
        if found.config.get(name) != becomes
    )
    return [Alter(topic.name, settings)] if settings else []


def _partitions(
    topic: Topic,
    found: Found,
    changes: list[Change],
    refusals: list[Remark],
    notices: list[Remark],
) -> None:
    has = f"has {found.partitions} partitions, the catalogue says {topic.partitions}"
    if topic.keyed:
        reason = f"{has}: keyed by {topic.key}, so another count is a migration, not an edit"
        refusals.append(Remark(topic.name, reason))
    elif found.partitions < topic.partitions:
        changes.append(Grow(topic.name, found.partitions, topic.partitions))
    else:
        notices.append(Remark(topic.name, f"{has}: partitions are never taken away, left alone"))


def _notices(topic: Topic, found: Found, replication_factor: int) -> list[Remark]:
    notices = [
        Remark(topic.name, f"also sets {name}={value}: not in the catalogue, left alone")
        for name, value in sorted(found.config.items())
        if name not in desired_config(topic, found.replication_factor)
    ]
    if found.replication_factor < replication_factor:
        reason = (
            f"has a replication factor of {found.replication_factor}, "
            f"{replication_factor} is possible: "
            "move it with kafka-reassign-partitions, then apply again"
        )
        notices.append(Remark(topic.name, reason))
    return notices
