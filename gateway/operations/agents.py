"""Find, list and unregister agents.

Decides which agent is meant. An agent that this gateway's view lacks is looked for again once the
view has caught up with the log, so that what another gateway acknowledged is found here.
"""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from contex.errors import InvalidValue
from contex.log.registrations import KnownAgent
from contex.records.names import AgentKey, Scope, check_name
from contex.records.registration import Unregistration
from gateway.limits import VIEW_WAIT_TIMEOUT_S
from gateway.problems import Refusal, not_found
from gateway.services import Call, Services
from gateway.writes.keys import event_id
from topology.catalogue import REGISTRATIONS


@dataclass(frozen=True, slots=True)
class Page:
    """Some agents in the order of project and id, and where the next ones begin."""

    agents: Sequence[KnownAgent]
    next_cursor: str | None


async def find(services: Services, call: Call, agent_id: str, project_id: str | None) -> KnownAgent:
    """Return the agent that is meant.

    Raises:
        InvalidValue: naming `project_id`, when several projects have an agent of this id.
        Refusal: 404 when there is none.
    """
    check_name(agent_id, "agent_id")
    known = _look(services, call.tenant, agent_id, project_id)
    if known is None:
        await catch_up(services)
        known = _look(services, call.tenant, agent_id, project_id)
    if known is None:
        where = "" if project_id is None else f" in project {project_id!r}"
        raise Refusal(not_found(f"there is no agent {agent_id!r}{where}"))
    return known


async def catch_up(services: Services) -> bool:
    """Wait, bounded, until the view has all that the log has now; return whether it has."""
    ends = await services.reader.end_offsets(REGISTRATIONS.name)
    reached = await asyncio.gather(
        *(
            services.agents.caught_up_with(partition, end - 1, timeout_s=VIEW_WAIT_TIMEOUT_S)
            for partition, end in ends.items()
        )
    )
    return all(reached)


def page(
    services: Services, call: Call, project_id: str | None, limit: int, cursor: str | None
) -> Page:
    """Return the tenant's agents after `cursor`.

    Raises:
        InvalidValue: naming `cursor`.
    """
    after = None if cursor is None else _read_cursor(cursor)
    rest = sorted(
        (
            known
            for known in services.agents.of_tenant(call.tenant)
            if (project_id is None or known.registration.key.scope.project == project_id)
            and (after is None or _place(known) > after)
        ),
        key=_place,
    )
    shown = rest[:limit]
    more = len(rest) > len(shown)
    return Page(shown, _write_cursor(_place(shown[-1])) if more else None)


async def unregister(
    services: Services, call: Call, agent_id: str, project_id: str | None
) -> AgentKey:
    """Write that the agent left.

    Raises:
        InvalidValue: naming `project_id`, when several projects have an agent of this id.
        Refusal: 404 when there is none.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = (await find(services, call, agent_id, project_id)).registration.key
    left = Unregistration(key, event_id(services, call), services.clock_ms())
    message = services.codec.encode(left, traceparent=call.traceparent)
    async with services.turns.of(key):
        receipt = await services.sender.send(REGISTRATIONS.name, message)
        await services.agents.caught_up_with(
            receipt.partition, receipt.offset, timeout_s=VIEW_WAIT_TIMEOUT_S
        )
    return key


def _look(
    services: Services, tenant: str, agent_id: str, project_id: str | None
) -> KnownAgent | None:
    if project_id is not None:
        return services.agents.get(AgentKey(Scope(tenant, project_id), agent_id))
    named = [
        known
        for known in services.agents.of_tenant(tenant)
        if known.registration.key.agent_id == agent_id
    ]
    if len(named) > 1:
        raise InvalidValue(
            f"{len(named)} projects have an agent {agent_id!r}: say which with ?project_id=",
            field="project_id",
        )
    return named[0] if named else None


def _place(known: KnownAgent) -> tuple[str, str]:
    key = known.registration.key
    return key.scope.project, key.agent_id


def _write_cursor(place: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode("/".join(place).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, str]:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise InvalidValue("cursor is not one that a page gave", field="cursor") from error
    project, separator, agent_id = text.partition("/")
    if not separator:
        raise InvalidValue("cursor is not one that a page gave", field="cursor")
    return project, agent_id
