"""Looks agents up in the view of the registrations, which may be a moment behind the updates.

Fills in the port of `contex.webhooks.ports`; tells a view that is late from a registration that
does not exist.
"""

import asyncio

from contex.errors import DependencyAway, InvalidRecord
from contex.log.admin import Cluster
from contex.log.partitioner import partition_for
from contex.log.registrations import KnownAgent, RegistrationsView
from contex.records.names import AgentKey
from topology.catalogue import REGISTRATIONS

VIEW_LATE_S_MAX = 5.0
VIEW_AWAY_S_MAX = 30.0


class ViewedAgents:
    """The agents as the view knows them, once it has reached the epoch that is asked for."""

    def __init__(self, view: RegistrationsView, cluster: Cluster) -> None:
        self._view = view
        self._cluster = cluster

    async def find(self, agent: AgentKey, epoch: int) -> KnownAgent | None:
        """Return the agent as it is once everything up to `epoch` is known; None if it left.

        Raises:
            InvalidRecord: if no registration has this epoch.
            DependencyAway: if the view does not get there in time.
        """
        known = self._view.get(agent)
        if known is not None and known.epoch >= epoch:
            return known
        partition = partition_for(str(agent).encode(), REGISTRATIONS.partitions)
        if not await self._view.caught_up_with(partition, epoch, timeout_s=VIEW_LATE_S_MAX):
            await self._must_exist(partition, epoch)
        known = self._view.get(agent)
        if known is not None and known.epoch < epoch:
            raise InvalidRecord(f"answers registration {epoch}, which is not of {agent}")
        return known

    async def _must_exist(self, partition: int, epoch: int) -> None:
        ends = await asyncio.to_thread(self._cluster.end_offsets, REGISTRATIONS.name)
        if epoch >= ends[partition]:
            raise InvalidRecord(f"answers registration {epoch}, which does not exist")
        if not await self._view.caught_up_with(partition, epoch, timeout_s=VIEW_AWAY_S_MAX):
            raise DependencyAway(f"the registrations could not be read up to {partition}@{epoch}")
