"""Register an agent: what it needs and how it is told, and where its feed begins.

Decides the cursor and the secret. The secret is generated or given, sealed before it leaves this
process, and shown at most once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contex.errors import InvalidRecord, InvalidValue
from contex.log.partitioner import partition_for
from contex.records.cursor import Cursor
from contex.records.names import AgentKey, Scope
from contex.records.need import check_needs
from contex.records.registration import Need, Registration, StreamDelivery, WebhookDelivery
from contex.webhooks.secrets import SecretKeysUnusable, check_secret, generate_secret
from contex.webhooks.urls import check_url
from gateway.limits import VIEW_WAIT_TIMEOUT_S
from gateway.models import NeedRequest, RegisterRequest
from gateway.services import Call, Services
from gateway.writes.keys import event_id
from topology.catalogue import REGISTRATIONS, UPDATES


@dataclass(frozen=True, slots=True)
class Announced:
    """Where a registration stands in the log, and from where on its `initial` is readable."""

    epoch: int
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration that the log has.

    Attributes:
        cursor: from here on the agent's feed holds its `initial`.
        generated_secret: to be shown this once, or None when the caller brought one or needs none.
    """

    registration: Registration
    epoch: int
    cursor: Cursor
    generated_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A registration that may be written."""

    registration: Registration
    generated_secret: str | None = field(repr=False)

    def registered(self, announced: Announced) -> Registered:
        """Return what is answered once the log has it."""
        return Registered(
            self.registration, announced.epoch, announced.cursor, self.generated_secret
        )


async def register(services: Services, call: Call, request: RegisterRequest) -> Registered:
    """Write an agent's registration, which replaces any earlier one.

    Raises:
        CallerError: naming the field.
        DependencyAway: if the log did not acknowledge it; it may or may not have been written.
    """
    prepared = prepare(services, call, request)
    async with services.turns.of(prepared.registration.key):
        announced = await announce(services, prepared.registration, call.traceparent)
    return prepared.registered(announced)


def prepare(
    services: Services, call: Call, request: RegisterRequest, item: int | None = None
) -> Prepared:
    """Return the record of a registration, the `item`th of its batch if it is in one.

    Raises:
        CallerError: naming the field.
    """
    delivery, generated = _delivery(services, request)
    registration = Registration(
        key=AgentKey(Scope(call.tenant, request.project_id), request.agent_id),
        needs=needs_of(request.data_needs),
        delivery=delivery,
        event_id=event_id(services, call, item),
        registered_at_ms=services.clock_ms(),
        token_budget=request.token_budget,
    )
    return Prepared(registration, generated)


async def announce(
    services: Services, registration: Registration, traceparent: str | None
) -> Announced:
    """Write `registration`; the caller has the agent's turn.

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
    return Announced(receipt.offset, Cursor(partition, bounds.end))


def needs_of(requests: Sequence[NeedRequest]) -> tuple[Need, ...]:
    """Return what a request needs.

    Raises:
        InvalidValue: naming the field, when all of them together are more than an agent may need.
    """
    try:
        return check_needs(tuple(request.need() for request in requests))
    except InvalidRecord as error:  # as the record calls the field
        message = str(error).replace("needs", "data_needs", 1)
        raise InvalidValue(message, field=f"data_{error.field}") from error


def feed_partition(key: AgentKey) -> int:
    """Return the partition of the topic of updates that holds the agent's feed."""
    return partition_for(str(key).encode(), UPDATES.partitions)


def _delivery(
    services: Services, request: RegisterRequest
) -> tuple[StreamDelivery | WebhookDelivery, str | None]:
    if request.notification_method != "webhook" or request.webhook_url is None:
        return StreamDelivery(), None
    sealed, generated = sealed_secret(services, request.webhook_secret)
    return WebhookDelivery(checked_url(services, request.webhook_url), sealed), generated


def checked_url(services: Services, url: str) -> str:
    """Return the URL of a webhook.

    Raises:
        InvalidValue: naming `webhook_url`, when it may not be called.
    """
    return check_url(url, services.webhook_allow)


def sealed_secret(services: Services, given: str | None) -> tuple[str, str | None]:
    """Return the secret that was given or is made here, sealed; and in clear if it was made here.

    Raises:
        InvalidValue: naming the field.
    """
    secret = generate_secret() if given is None else check_secret(given)
    try:
        sealed = services.secrets.seal(secret)
    except SecretKeysUnusable as error:
        raise InvalidValue(
            "notification_method 'webhook' is not available here:"
            " the operator has set no CONTEX_SECRET_KEYS",
            field="notification_method",
        ) from error
    return sealed, secret if given is None else None
