"""Provisioning: reads a cluster, and makes a plan come true on it.

Decides the order of the steps and when a change counts as done. What to change, the plan decides.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from contex.errors import DependencyAway
from contex.log.admin import TopicState
from topology.plan import Alter, Change, ClusterState, Create, Found, Grow, Plan, is_done

VISIBLE_TIMEOUT_S = 30.0
VISIBLE_POLL_S = 0.05


class Cluster(Protocol):
    """What provisioning asks of a Kafka cluster; `contex.log.admin.Cluster` is one."""

    def brokers(self) -> int:
        """Return how many brokers answer."""
        ...

    def names(self) -> list[str]:
        """Return the names of all topics."""
        ...

    def describe(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Return the topics of `names` that exist, with what is set on each itself."""
        ...

    def create(self, topics: Iterable[TopicState]) -> list[str]:
        """Create topics; return the names of those that did not exist already."""
        ...

    def alter(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set the given settings of one topic."""
        ...

    def grow(self, name: str, partitions: int) -> None:
        """Give a topic more partitions, `partitions` in all."""
        ...


class PlanRefused(Exception):
    """The plan holds a difference that only a migration can settle."""


def read(cluster: Cluster) -> ClusterState:
    """Return what the cluster has.

    Raises:
        DependencyAway: if it does not answer.
    """
    described = cluster.describe(cluster.names())
    topics = {
        name: Found(state.partitions, state.replication_factor, state.config)
        for name, state in described.items()
    }
    return ClusterState(cluster.brokers(), topics)


def apply(
    cluster: Cluster,
    plan: Plan,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Change, ...]:
    """Make `plan` come true; return what was done, without what another process did first.

    Returns when the cluster shows every change, so that whoever starts next can rely on it.

    Raises:
        PlanRefused: if the plan holds a refusal; nothing was changed.
        DependencyAway: if the cluster does not answer; applying again goes on where this ended.
    """
    if plan.refusals:
        raise PlanRefused(
            "; ".join(f"{refusal.name} {refusal.reason}" for refusal in plan.refusals)
        )
    creations = [change for change in plan.changes if isinstance(change, Create)]
    created = set(
        cluster.create(
            TopicState(
                name=change.topic.name,
                partitions=change.topic.partitions,
                replication_factor=change.replication_factor,
                config=change.config,
            )
            for change in creations
        )
    )
    for change in plan.changes:
        match change:
            case Alter(name=name, settings=settings):
                cluster.alter(name, {setting.name: setting.becomes for setting in settings})
            case Grow(name=name, becomes=becomes):
                cluster.grow(name, becomes)
            case Create():
                pass  # all at once, above
    _await_visible(cluster, plan, clock, sleep)
    return tuple(
        change
        for change in plan.changes
        if not isinstance(change, Create) or change.topic.name in created
    )


def _await_visible(
    cluster: Cluster, plan: Plan, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    # The controller answers before the brokers have heard of what changed.
    deadline = clock() + VISIBLE_TIMEOUT_S
    pending = list(plan.changes)
    while pending:
        state = read(cluster)
        pending = [change for change in pending if not is_done(change, state)]
        if pending and clock() > deadline:
            raise DependencyAway(f"not visible in {VISIBLE_TIMEOUT_S} s: {pending[0]}")
        if pending:
            sleep(VISIBLE_POLL_S)
