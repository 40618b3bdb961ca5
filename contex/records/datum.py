"""Records as plain data: how each typed record maps to the fields of its Avro schema, and back.

Decides the limits that hold for every record, however it was written. Knows no bytes.
"""

import math
import uuid
from collections.abc import Mapping

from contex.errors import InvalidRecord
from contex.records.attempt import Attempt, Fault, Outcome
from contex.records.headers import check_time
from contex.records.names import AgentKey, ValueKey
from contex.records.need import check_needs, from_need, to_need
from contex.records.publication import Publication, Value
from contex.records.registration import Registration, StreamDelivery, WebhookDelivery
from contex.records.update import Cause, Item, MatchedNeed, Omitted, Update, UpdateKind
from contex.records.wire import Datum

INT_MAX = 2**31 - 1


def from_publication(publication: Publication) -> Datum:
    """Return the fields of a publication."""
    return {
        **_scope(publication.key),
        "data_key": publication.key.data_key,
        "content": publication.value.content,
        "content_type": publication.value.content_type,
        "metadata": dict(publication.value.metadata),
        "event_type": publication.event_type,
        "published_at": check_time(publication.published_at_ms, "published_at"),
    }


def to_publication(datum: Datum, key: ValueKey, event_id: str) -> Publication:
    """Read a publication out of its fields.

    Raises:
        InvalidRecord: naming the field that breaks a rule.
    """
    agree(key, {**_scope(key), "data_key": key.data_key}, datum)
    value = Value(datum["content"], datum["content_type"], datum["metadata"])
    published_at_ms = check_time(datum["published_at"], "published_at")
    return Publication(key, value, event_id, published_at_ms, datum["event_type"])


def from_registration(registration: Registration) -> Datum:
    """Return the fields of a registration.

    Raises:
        InvalidRecord: naming the field that breaks a rule.
    """
    delivery = registration.delivery
    webhook = None
    if isinstance(delivery, WebhookDelivery):
        webhook = {"url": delivery.url, "sealed_secret": delivery.sealed_secret}
    return {
        **_agent(registration.key),
        "needs": [from_need(need) for need in check_needs(registration.needs)],
        "webhook": webhook,
        "token_budget": _count("token_budget", registration.token_budget),
        "registered_at": check_time(registration.registered_at_ms, "registered_at"),
    }


def to_registration(datum: Datum, key: AgentKey, event_id: str) -> Registration:
    """Read a registration out of its fields.

    Raises:
        InvalidRecord: naming the field that breaks a rule.
    """
    agree(key, _agent(key), datum)
    webhook = datum["webhook"]
    return Registration(
        key=key,
        needs=check_needs(tuple(to_need(need) for need in datum["needs"])),
        delivery=StreamDelivery() if webhook is None else WebhookDelivery(**webhook),
        event_id=event_id,
        registered_at_ms=check_time(datum["registered_at"], "registered_at"),
        token_budget=_count("token_budget", datum["token_budget"]),
    )


def from_update(update: Update) -> Datum:
    """Return the fields of an update."""
    return {
        **_agent(update.agent),
        "update_id": str(update.update_id),
        "kind": update.kind.value,
        "epoch": update.epoch,
        "cause": {
            "topic": update.cause.topic,
            "partition": update.cause.partition,
            "offset": update.cause.offset,
        },
        "caused_at": check_time(update.caused_at_ms, "caused_at"),
        "items": [_from_item(item) for item in update.items],
        "omitted": [
            {
                "data_key": omitted.data_key,
                "revision": omitted.revision,
                "score": omitted.score,
                "tokens": _count("tokens", omitted.tokens),
            }
            for omitted in update.omitted
        ],
        "omitted_total": _count("omitted_total", update.omitted_total),
    }


def to_update(datum: Datum, key: AgentKey) -> Update:
    """Read an update out of its fields.

    Raises:
        InvalidRecord: naming the field that breaks a rule.
    """
    agree(key, _agent(key), datum)
    return Update(
        update_id=_uuid("update_id", datum["update_id"]),
        kind=UpdateKind(datum["kind"]),
        agent=key,
        epoch=datum["epoch"],
        cause=Cause(**datum["cause"]),
        caused_at_ms=check_time(datum["caused_at"], "caused_at"),
        items=tuple(_to_item(item) for item in datum["items"]),
        omitted=tuple(_to_omitted(omitted) for omitted in datum["omitted"]),
        omitted_total=datum["omitted_total"],
    )


def from_attempt(attempt: Attempt) -> Datum:
    """Return the fields of an attempt."""
    return {
        **_agent(attempt.agent),
        "update_id": str(attempt.update_id),
        "attempt": _count("attempt", attempt.attempt),
        "at": check_time(attempt.at_ms, "at"),
        "latency_ms": attempt.latency_ms,
        "outcome": attempt.outcome.value,
        "fault": attempt.fault.value,
        "status": attempt.status,
        "response_excerpt": attempt.response_excerpt,
        "retry_lane": attempt.retry_lane,
        "error": attempt.error,
    }


def to_attempt(datum: Datum, key: AgentKey) -> Attempt:
    """Read an attempt out of its fields.

    Raises:
        InvalidRecord: naming the field that breaks a rule.
    """
    agree(key, _agent(key), datum)
    return Attempt(
        update_id=_uuid("update_id", datum["update_id"]),
        agent=key,
        attempt=datum["attempt"],
        at_ms=check_time(datum["at"], "at"),
        latency_ms=datum["latency_ms"],
        outcome=Outcome(datum["outcome"]),
        fault=Fault(datum["fault"]),
        status=datum["status"],
        response_excerpt=datum["response_excerpt"],
        retry_lane=datum["retry_lane"],
        error=datum["error"],
    )


def agree(key: ValueKey | AgentKey, expected: Mapping[str, str], datum: Datum) -> None:
    """Check that a record's key says the same as the record.

    Raises:
        InvalidRecord: naming the field that disagrees.
    """
    for field, in_key in expected.items():
        if datum[field] != in_key:
            raise InvalidRecord(
                f"key {str(key)!r} disagrees with the record: {field} is {datum[field][:80]!r}",
                field=field,
            )


def _from_item(item: Item) -> Datum:
    return {
        "data_key": item.data_key,
        "revision": item.revision,
        "needs": [
            {"need": need.need, "score": need.score, "threshold": need.threshold}
            for need in item.needs
        ],
        "content": item.content,
        "content_type": item.content_type,
        "metadata": dict(item.metadata),
        "reference": item.reference,
        "tokens": _count("tokens", item.tokens),
    }


def _to_item(datum: Datum) -> Item:
    needs = tuple(MatchedNeed(**need) for need in datum["needs"])
    for need in needs:
        _finite("needs[].score", need.score)
        _finite("needs[].threshold", need.threshold)
    return Item(**{**datum, "needs": needs})


def _to_omitted(datum: Datum) -> Omitted:
    _finite("omitted[].score", datum["score"])
    return Omitted(**datum)


def _finite(field: str, number: float) -> None:
    # JSON has no words for the others: an agent could never be told.
    if not math.isfinite(number):
        raise InvalidRecord(f"{field} must be a finite number, got {number}", field=field)


def _scope(key: ValueKey | AgentKey) -> dict[str, str]:
    return {"tenant": key.scope.tenant, "project": key.scope.project}


def _agent(key: AgentKey) -> dict[str, str]:
    return {**_scope(key), "agent_id": key.agent_id}


def _count(field: str, count: int) -> int:
    if not 0 <= count <= INT_MAX:
        raise InvalidRecord(f"{field} must be 0 to {INT_MAX}, got {count}", field=field)
    return count


def _uuid(field: str, text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidRecord(f"{field} is no UUID: {text[:80]!r}", field=field) from error
