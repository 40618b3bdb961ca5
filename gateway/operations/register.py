"""Register an agent: what it needs and how it is told, and where its feed begins.

Decides the cursor and the secret. The secret is generated or given, sealed before it leaves this
process, and shown at most once.
"""

from dataclasses import dataclass

from contex.errors import InvalidValue
from contex.log.partitioner import partition_for
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery, WebhookDelivery
from contex.webhooks.secrets import SecretKeysUnusable, check_secret, generate_secret
from contex.webhooks.urls import check_url
from gateway.limits import VIEW_WAIT_TIMEOUT_S
from gateway.models import RegisterRequest
from gateway.services import Call, Services
from gateway.updates.cursor import Cursor
from topology.catalogue import REGISTRATIONS, UPDATES


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration that the log has.

    Attributes:
        cursor: from here on the agent's feed holds its `initial`.
        generated_secret: to be shown this once, or None when the caller brought one or needs none.
    """

    key: AgentKey
    epoch: int
    cursor: Cursor
    generated_secret: str | None


async def register(services: Services, call: Call, request: RegisterRequest) -> Registered:
    """Write an agent's registration, which replaces any earlier one.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    key = AgentKey(Scope(call.tenant, request.project_id), request.agent_id)
    delivery, generated = _delivery(services, request)
    registration = Registration(
        key=key,
        needs=tuple(Need(need.text, need.threshold) for need in request.data_needs),
        delivery=delivery,
        event_id=services.new_id(),
        registered_at_ms=services.clock_ms(),
        token_budget=request.token_budget,
    )
    epoch, cursor = await announce(services, registration, call.traceparent)
    return Registered(key, epoch, cursor, generated)


async def announce(
    services: Services, registration: Registration, traceparent: str | None
) -> tuple[int, Cursor]:
    """Write `registration`; return its epoch and the cursor from which its `initial` is readable.

    Raises:
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    partition = feed_partition(registration.key)
    bounds = await services.reader.bounds(UPDATES.name, partition)
    message = services.codec.encode(registration, traceparent=traceparent)
    receipt = await services.sender.send(REGISTRATIONS.name, message)
    await services.agents.caught_up_with(
        receipt.partition, receipt.offset, timeout_s=VIEW_WAIT_TIMEOUT_S
    )
    return receipt.offset, Cursor(partition, bounds.end)


def feed_partition(key: AgentKey) -> int:
    """Return the partition of the topic of updates that holds the agent's feed."""
    return partition_for(str(key).encode(), UPDATES.partitions)


def _delivery(
    services: Services, request: RegisterRequest
) -> tuple[StreamDelivery | WebhookDelivery, str | None]:
    if request.notification_method != "webhook" or request.webhook_url is None:
        return StreamDelivery(), None
    url = check_url(request.webhook_url, services.webhook_allow)
    given = request.webhook_secret
    secret = generate_secret() if given is None else check_secret(given)
    try:
        sealed = services.secrets.seal(secret)
    except SecretKeysUnusable as error:
        raise InvalidValue(
            "notification_method 'webhook' is not available here:"
            " the operator has set no CONTEX_SECRET_KEYS",
            field="notification_method",
        ) from error
    return WebhookDelivery(url, sealed), secret if given is None else None
