"""Agents: register, change, list, show, unregister. A secret is shown once, when it is made."""

from typing import Any, Literal
from urllib.parse import quote

from aiohttp import web

from contex.log.registrations import KnownAgent
from contex.records.headers import rfc3339
from contex.records.names import AgentKey
from contex.records.need import from_need
from contex.records.registration import Registration, WebhookDelivery
from contex.telemetry.line import note
from gateway.answers import AgentsPage, ShownAgent, ShownNeed, Unregistered
from gateway.answers import Registered as RegisteredAnswer
from gateway.handlers.answers import HOUSE, json_answer, not_modified, rendered
from gateway.handlers.writing import write
from gateway.models import AgentQuery, AgentsQuery, ChangeRequest, NoQuery, RegisterRequest
from gateway.operations import agents
from gateway.operations import change as changing
from gateway.operations import register as registering
from gateway.operations.register import Registered
from gateway.requests import bytes_of, call_of, query_of, read_model
from gateway.services import Call
from gateway.waiting.pending import PendingInitial
from gateway.writes.memory import Written

Method = Literal["sse", "kafka", "webhook"]


async def register(request: web.Request) -> web.Response:
    """Answer 202 once the log has the registration."""
    query_of(request, NoQuery)
    body = await bytes_of(request)
    services = request.app[HOUSE].services

    async def work(call: Call) -> Written:
        wanted = read_model(body, RegisterRequest)
        registered = await registering.register(services, call, wanted)
        return _registered(registered, wanted.notification_method)

    return await write(request, body, work)


async def change(request: web.Request) -> web.Response:
    """Answer 202 once the log has the agent's new registration."""
    body = await bytes_of(request)
    services = request.app[HOUSE].services
    agent_id = request.match_info["agent_id"]
    project_id = query_of(request, AgentQuery).project_id

    async def work(call: Call) -> Written:
        wanted = read_model(body, ChangeRequest)
        changed = await changing.change(services, call, agent_id, project_id, wanted)
        method = wanted.notification_method if wanted.says("notification_method") else None
        return _registered(changed, method or method_of(changed.registration))

    return await write(request, body, work)


async def page(request: web.Request) -> web.Response:
    """Answer with some of the tenant's agents."""
    query = query_of(request, AgentsQuery)
    found = agents.page(
        request.app[HOUSE].services, call_of(request), query.project_id, query.limit, query.cursor
    )
    shown = [_shown(known) for known in found.agents]
    return json_answer(AgentsPage(agents=shown, count=len(shown), next_cursor=found.next_cursor))


async def show(request: web.Request) -> web.Response:
    """Answer with one agent, or that the caller has it already."""
    known = await agents.find(
        request.app[HOUSE].services,
        call_of(request),
        request.match_info["agent_id"],
        query_of(request, AgentQuery).project_id,
    )
    etag = f'"{known.epoch}"'
    answer = not_modified(request, etag) or json_answer(_shown(known))
    answer.headers.update({"ETag": etag, "Cache-Control": "private, no-cache"})
    return answer


async def unregister(request: web.Request) -> web.Response:
    """Answer 202 once the log has the tombstone."""
    services = request.app[HOUSE].services
    agent_id = request.match_info["agent_id"]
    project_id = query_of(request, AgentQuery).project_id

    async def work(call: Call) -> Written:
        key = await agents.unregister(services, call, agent_id, project_id)
        answer = Unregistered(
            status="unregistered", agent_id=key.agent_id, project_id=key.scope.project
        )
        return Written(rendered(answer))

    return await write(request, b"", work)


def _registered(registered: Registered, method: Method) -> Written:
    key = registered.registration.key
    note(project=key.scope.project, agent=key.agent_id, epoch=registered.epoch)
    answer = RegisteredAnswer(status="registered", **registered_members(registered, method))
    pending = PendingInitial(registered.registration.key, registered.epoch, registered.cursor)
    return Written(rendered(answer), pending=pending)


def registered_members(registered: Registered, method: Method) -> dict[str, Any]:
    """Return what a registration is answered with, besides its status."""
    key = registered.registration.key
    members: dict[str, Any] = {
        "agent_id": key.agent_id,
        "project_id": key.scope.project,
        "epoch": registered.epoch,
        "cursor": str(registered.cursor),
        "notification_method": method,
        "updates_url": updates_url(key),
    }
    if registered.generated_secret is not None:
        members["webhook_secret"] = registered.generated_secret
    return members


def method_of(registration: Registration) -> Method:
    """Return how the agent is told, as it is shown: `sse` stands for `kafka` too."""
    return "webhook" if isinstance(registration.delivery, WebhookDelivery) else "sse"


def updates_url(key: AgentKey) -> str:
    """Return the path of the agent's stream."""
    return f"/api/v1/agents/{quote(key.agent_id)}/updates?project_id={quote(key.scope.project)}"


def _shown(known: KnownAgent) -> ShownAgent:
    registration = known.registration
    delivery = registration.delivery
    return ShownAgent(
        agent_id=registration.key.agent_id,
        project_id=registration.key.scope.project,
        epoch=known.epoch,
        registered_at=rfc3339(max(known.registered_at_ms, 0)),
        data_needs=[ShownNeed(**from_need(need)) for need in registration.needs],
        notification_method="webhook" if isinstance(delivery, WebhookDelivery) else "sse",
        webhook_url=delivery.url if isinstance(delivery, WebhookDelivery) else None,
        token_budget=registration.token_budget,
        updates_url=updates_url(registration.key),
    )
