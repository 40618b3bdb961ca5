"""Agents: register, list, show, unregister. A secret is shown once, when it is made here."""

from urllib.parse import quote

from aiohttp import web

from contex.log.registrations import KnownAgent
from contex.records.headers import rfc3339
from contex.records.names import AgentKey
from contex.records.registration import WebhookDelivery
from gateway.answers import AgentsPage, Registered, ShownAgent, ShownNeed, Unregistered
from gateway.handlers.answers import HOUSE, json_answer
from gateway.models import AgentQuery, AgentsQuery, RegisterRequest
from gateway.operations import agents
from gateway.operations.register import register as write_registration
from gateway.requests import body_of, call_of, query_of


async def register(request: web.Request) -> web.Response:
    """Answer 202 once the log has the registration."""
    wanted = await body_of(request, RegisterRequest)
    registered = await write_registration(request.app[HOUSE].services, call_of(request), wanted)
    answer = Registered(
        status="registered",
        agent_id=wanted.agent_id,
        project_id=wanted.project_id,
        epoch=registered.epoch,
        cursor=str(registered.cursor),
        notification_method=wanted.notification_method,
        updates_url=updates_url(registered.key),
    )
    if registered.generated_secret is not None:
        answer = answer.model_copy(update={"webhook_secret": registered.generated_secret})
    return json_answer(answer, status=202)


async def page(request: web.Request) -> web.Response:
    """Answer with some of the tenant's agents."""
    query = query_of(request, AgentsQuery)
    found = agents.page(
        request.app[HOUSE].services, call_of(request), query.project_id, query.limit, query.cursor
    )
    shown = [_shown(known) for known in found.agents]
    return json_answer(AgentsPage(agents=shown, count=len(shown), next_cursor=found.next_cursor))


async def show(request: web.Request) -> web.Response:
    """Answer with one agent."""
    known = await agents.find(
        request.app[HOUSE].services,
        call_of(request),
        request.match_info["agent_id"],
        query_of(request, AgentQuery).project_id,
    )
    return json_answer(_shown(known))


async def unregister(request: web.Request) -> web.Response:
    """Answer 202 once the log has the tombstone."""
    key = await agents.unregister(
        request.app[HOUSE].services,
        call_of(request),
        request.match_info["agent_id"],
        query_of(request, AgentQuery).project_id,
    )
    return json_answer(
        Unregistered(status="unregistered", agent_id=key.agent_id, project_id=key.scope.project),
        status=202,
    )


def updates_url(key: AgentKey) -> str:
    """Return the path of the agent's stream."""
    return f"/api/v1/agents/{quote(key.agent_id)}/updates?project_id={quote(key.scope.project)}"


def _shown(known: KnownAgent) -> ShownAgent:
    registration = known.registration
    delivery = registration.delivery
    is_webhook = isinstance(delivery, WebhookDelivery)
    return ShownAgent(
        agent_id=registration.key.agent_id,
        project_id=registration.key.scope.project,
        epoch=known.epoch,
        registered_at=rfc3339(max(known.registered_at_ms, 0)),
        data_needs=[
            ShownNeed(text=need.text, threshold=need.threshold) for need in registration.needs
        ],
        notification_method="webhook" if is_webhook else "sse",
        webhook_url=delivery.url if isinstance(delivery, WebhookDelivery) else None,
        token_budget=registration.token_budget,
        updates_url=updates_url(registration.key),
    )
