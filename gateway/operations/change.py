"""Change an agent: its needs, its budget or how it is told; the rest stays as it is.

Decides what a partial change means. A change is a whole new registration, of a newer epoch, made
from the newest one that the log has. A secret that is not changed stays sealed.
"""

from dataclasses import replace

from contex.errors import DependencyAway, InvalidValue
from contex.log.registrations import KnownAgent
from contex.records.registration import Registration, StreamDelivery, WebhookDelivery
from gateway.models import ChangeRequest
from gateway.operations.agents import catch_up, find
from gateway.operations.register import (
    Registered,
    announce,
    checked_url,
    needs_of,
    sealed_secret,
)
from gateway.services import Call, Services
from gateway.writes.keys import event_id

_WEBHOOK = "webhook"


async def change(
    services: Services, call: Call, agent_id: str, project_id: str | None, request: ChangeRequest
) -> Registered:
    """Write an agent's registration with what `request` changes.

    Raises:
        CallerError: naming the field.
        Refusal: 404 when there is no such agent.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = (await find(services, call, agent_id, project_id)).registration.key
    async with services.turns.of(key):
        # The view may lag behind what another gateway wrote: to change that would undo it.
        if not await catch_up(services):
            raise DependencyAway("the view of the registrations is behind the log")
        newest = await find(services, call, key.agent_id, key.scope.project)
        changed, generated = _changed(services, call, newest, request)
        announced = await announce(services, changed, call.traceparent)
    return Registered(changed, announced.epoch, announced.cursor, generated)


def _changed(
    services: Services, call: Call, known: KnownAgent, request: ChangeRequest
) -> tuple[Registration, str | None]:
    before = known.registration
    delivery, generated = _delivery(services, before.delivery, request)
    needs = needs_of(request.data_needs) if request.says("data_needs") else before.needs
    budget = request.token_budget if request.says("token_budget") else before.token_budget
    changed = replace(
        before,
        needs=needs,
        token_budget=budget,
        delivery=delivery,
        event_id=event_id(services, call),
        registered_at_ms=services.clock_ms(),
    )
    return changed, generated


def _delivery(
    services: Services, before: StreamDelivery | WebhookDelivery, request: ChangeRequest
) -> tuple[StreamDelivery | WebhookDelivery, str | None]:
    """Return how the agent is told from now on, and the secret if one had to be made."""
    held = before if isinstance(before, WebhookDelivery) else None
    becomes = request.notification_method == _WEBHOOK
    if not (becomes if request.says("notification_method") else held):
        _refuse_webhook_fields(request)
        return StreamDelivery(), None
    if request.says("webhook_url"):
        url = checked_url(services, request.webhook_url)
    elif held is not None:
        url = held.url
    else:
        raise InvalidValue(
            "webhook_url is required when notification_method becomes 'webhook'",
            field="webhook_url",
        )
    given = request.webhook_secret if request.says("webhook_secret") else None
    if held is not None and given is None:
        return WebhookDelivery(url, held.sealed_secret), None
    sealed, generated = sealed_secret(services, given)
    return WebhookDelivery(url, sealed), generated


def _refuse_webhook_fields(request: ChangeRequest) -> None:
    for name in ("webhook_url", "webhook_secret"):
        if request.says(name):
            raise InvalidValue(
                f"{name} is only for agents whose notification_method is 'webhook'", field=name
            )
