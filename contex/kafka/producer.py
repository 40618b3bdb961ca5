"""Write records as the gateway does: values, deletions, registrations.

Decides what is refused before it is written. Returns only what the brokers have acknowledged.
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

from contex.errors import InvalidValue
from contex.kafka.connection import Connection
from contex.log.blocking import BlockingProducer
from contex.records.codec import Record
from contex.records.message import Receipt
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Deletion, Publication, Value, check_size
from contex.records.registration import (
    TOKEN_BUDGET_DEFAULT,
    Need,
    Registration,
    StreamDelivery,
    Unregistration,
)
from contex.records.topics import PUBLICATIONS, REGISTRATIONS

LINGER_MS: Final = 5
JSON: Final = "application/json"


class Producer:
    """Publishes, deletes, registers and unregisters. Safe to share between threads.

    Every call waits for the acknowledgement of all in-sync replicas and returns the record's
    `Receipt`; its `offset` is the value's revision, or the registration's epoch. After an error it
    is not known whether the record was written; a repeat does no harm.

    A record that breaks the rules of names, sizes or registrations raises a `CallerError`, such as
    `InvalidName`; absence of Kafka or the registry, `DependencyAway`. Whether a text is what its
    content type says is found out in routing: else it is a dead letter.

    Args:
        project: of calls that name none; else CONTEX_PROJECT.
        tenant: else CONTEX_TENANT, else `default`.
        bootstrap: `host:port`, comma separated; else KAFKA_BOOTSTRAP_SERVERS.
        schema_registry_url: else SCHEMA_REGISTRY_URL; without any, the fixed ids of the package.
        client: more of the Kafka client's configuration, such as its security.
    """

    def __init__(
        self,
        project: str | None = None,
        *,
        tenant: str | None = None,
        bootstrap: str | None = None,
        schema_registry_url: str | None = None,
        client: Mapping[str, object] | None = None,
    ) -> None:
        self._connection = Connection(
            project=project,
            tenant=tenant,
            bootstrap=bootstrap,
            schema_registry_url=schema_registry_url,
            client=client or {},
        )
        self._codec = self._connection.codec()
        self._producer = BlockingProducer(
            self._connection.servers, linger_ms=LINGER_MS, client=self._connection.client
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what is under way, within a bound."""
        self._producer.close()

    def publish(
        self,
        data_key: str,
        data: Any,  # noqa: ANN401 - whatever JSON can say
        *,
        project: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        event_type: str | None = None,
        traceparent: str | None = None,
    ) -> Receipt:
        """Publish a new version of a value: any JSON, a text, or bytes as they are.

        Without a content type the format of text and bytes is detected.
        """
        value = _value(data, content_type, metadata)
        publication = self._publication(data_key, value, project, event_type)
        return self._write(PUBLICATIONS, publication, traceparent)

    def publish_many(
        self, values: Iterable[tuple[str, Value]], *, project: str | None = None
    ) -> list[Receipt]:
        """Publish many values in one flight; each with its data key."""
        messages = (
            self._codec.encode(self._publication(data_key, _checked(value), project, None))
            for data_key, value in values
        )
        return self._producer.send_all(PUBLICATIONS, messages)

    def delete(
        self, data_key: str, *, project: str | None = None, traceparent: str | None = None
    ) -> Receipt:
        """Delete a value, whether or not there is one."""
        key = ValueKey(self._connection.scope(project), data_key)
        return self._write(PUBLICATIONS, Deletion(key, _new_id(), _now_ms()), traceparent)

    def register(
        self,
        agent_id: str,
        needs: Sequence[str | Need],
        *,
        project: str | None = None,
        token_budget: int = TOKEN_BUDGET_DEFAULT,
        traceparent: str | None = None,
    ) -> Receipt:
        """Register an agent that reads its own feed, in place of any earlier registration.

        Webhooks are registered over REST: the gateway encrypts their secrets.
        """
        registration = Registration(
            key=AgentKey(self._connection.scope(project), agent_id),
            needs=_needs(needs),
            delivery=StreamDelivery(),
            event_id=_new_id(),
            registered_at_ms=_now_ms(),
            token_budget=token_budget,
        )
        return self._write(REGISTRATIONS, registration, traceparent)

    def unregister(
        self, agent_id: str, *, project: str | None = None, traceparent: str | None = None
    ) -> Receipt:
        """Unregister an agent, whether or not there is one."""
        key = AgentKey(self._connection.scope(project), agent_id)
        return self._write(REGISTRATIONS, Unregistration(key, _new_id(), _now_ms()), traceparent)

    def _publication(
        self, data_key: str, value: Value, project: str | None, event_type: str | None
    ) -> Publication:
        key = ValueKey(self._connection.scope(project), data_key)
        return Publication(key, value, _new_id(), _now_ms(), event_type)

    def _write(self, topic: str, record: Record, traceparent: str | None) -> Receipt:
        message = self._codec.encode(record, traceparent=traceparent)
        [receipt] = self._producer.send_all(topic, [message])
        return receipt


def _value(data: object, content_type: str | None, metadata: Mapping[str, str] | None) -> Value:
    if isinstance(data, bytes | bytearray | memoryview):
        return _checked(Value(bytes(data), content_type, metadata or {}))
    try:
        if isinstance(data, str):
            return _checked(Value(data.encode(), content_type, metadata or {}))
        if content_type not in {None, JSON}:
            raise InvalidValue(
                f"content_type {content_type!r} describes text, but data is no text",
                field="content_type",
            )
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return _checked(Value(text.encode(), JSON, metadata or {}))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(f"data cannot be written: {error}", field="data") from error


def _needs(needs: object) -> tuple[Need, ...]:
    if isinstance(needs, str) or not isinstance(needs, Iterable):
        raise InvalidValue(
            f"needs must be a list of texts and Needs, got {type(needs).__name__}", field="needs"
        )
    found = tuple(Need(need) if isinstance(need, str) else need for need in needs)
    for place, need in enumerate(found):
        if not isinstance(need, Need):
            raise InvalidValue(
                f"needs[{place}] must be a text or a Need, got {type(need).__name__}",
                field=f"needs[{place}]",
            )
    return found


def _checked(value: Value) -> Value:
    check_size(len(value.content))
    labels: object = value.metadata
    if not isinstance(labels, Mapping) or not all(
        isinstance(text, str) for label in labels.items() for text in label
    ):
        raise InvalidValue("metadata must be texts by label", field="metadata")
    return value


def _new_id() -> str:
    return str(uuid.uuid4())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
