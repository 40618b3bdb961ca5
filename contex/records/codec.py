"""The codec: typed records to messages, and what was consumed to typed records.

Decides which key, headers and schema a record goes out with, and that what comes in is one of ours:
whatever is wrong with it ends in one `InvalidRecord` that says what. Touches no Kafka.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import schemas
from contex.errors import InvalidName, InvalidRecord
from contex.records import datum as data
from contex.records.attempt import Attempt
from contex.records.headers import AVRO, Event, event_headers, event_id, event_time_ms
from contex.records.message import Message, Received
from contex.records.names import AgentKey, ValueKey
from contex.records.publication import Deletion, Publication
from contex.records.registration import Registration, Unregistration
from contex.records.schema_source import Schema, SchemaSource
from contex.records.update import Update
from contex.records.wire import Datum, pack, unpack, written_with

Record = Publication | Deletion | Registration | Unregistration | Update | Attempt


@dataclass(frozen=True, slots=True)
class _Form:
    """One record on its way out. A `datum` of None is a tombstone."""

    key: ValueKey | AgentKey
    event: Event
    name: str
    datum: Datum | None


class Codec:
    """Encodes with the current schemas and decodes every version that the source knows."""

    def __init__(self, schemas_: SchemaSource) -> None:
        self._source = schemas_
        self._current = {name: Schema.parse(schemas.current(name)) for name in schemas.RECORDS}
        self._subject_topics = schemas.subject_topics()
        self._ids: dict[str, int] = {}
        self._learned: set[int] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="contex-schemas")

    async def learn(self, received: Received) -> None:
        """Fetch the schema of a record that is to be read on an event loop, which must not block.

        A new one is asked for in a thread, the only one: in a burst the first asks for all.

        Raises:
            InvalidRecord: naming what is wrong, as reading it would.
            DependencyAway: if the registry does not answer.
        """
        if received.value is None:
            return
        schema_id = written_with(received.value)
        if schema_id in self._learned:
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._source.schema, schema_id)
        self._learned.add(schema_id)

    def encode(self, record: Record, *, traceparent: str | None = None) -> Message:
        """Write `record` as it goes into its topic.

        Raises:
            InvalidRecord: if it breaks a rule of its schema.
            DependencyAway: if the registry does not answer.
        """
        form = _form(record)
        content_type = None if form.datum is None else AVRO
        return Message(
            key=str(form.key).encode(),
            value=None if form.datum is None else self._pack(form.name, form.datum),
            headers=event_headers(form.event, content_type=content_type, traceparent=traceparent),
        )

    def publication(self, received: Received) -> Publication | Deletion:
        """Read a record of `contex.publications`.

        Raises:
            InvalidRecord: naming what is wrong.
            DependencyAway: if the registry does not answer.
        """
        key = _value_key(received)
        if received.value is None:
            return Deletion(key, event_id(received), event_time_ms(received))
        datum = self._unpack("publication", received.value)
        return data.to_publication(datum, key, event_id(received))

    def registration(self, received: Received) -> Registration | Unregistration:
        """Read a record of `contex.registrations`.

        Raises:
            InvalidRecord: naming what is wrong.
            DependencyAway: if the registry does not answer.
        """
        key = _agent_key(received)
        if received.value is None:
            return Unregistration(key, event_id(received), event_time_ms(received))
        datum = self._unpack("registration", received.value)
        return data.to_registration(datum, key, event_id(received))

    def update(self, received: Received) -> Update:
        """Read a record of `contex.updates` or of a retry lane.

        Raises:
            InvalidRecord: naming what is wrong.
            DependencyAway: if the registry does not answer.
        """
        return data.to_update(
            self._unpack("update", _present(received.value)), _agent_key(received)
        )

    def attempt(self, received: Received) -> Attempt:
        """Read a record of `contex.webhooks.attempts`.

        Raises:
            InvalidRecord: naming what is wrong.
            DependencyAway: if the registry does not answer.
        """
        return data.to_attempt(
            self._unpack("attempt", _present(received.value)), _agent_key(received)
        )

    def _pack(self, name: str, datum: Datum) -> bytes:
        if name not in self._ids:
            self._ids[name] = self._source.id_for(self._subject_topics[name], name)
        return pack(self._ids[name], self._current[name], datum)

    def _unpack(self, name: str, value: bytes) -> Datum:
        return unpack(value, self._current[name], self._source)


def _form(record: Record) -> _Form:
    match record:
        case Publication():
            event = _value_event(record, "contex.value.published")
            return _Form(record.key, event, "publication", data.from_publication(record))
        case Deletion():
            return _Form(
                record.key, _value_event(record, "contex.value.deleted"), "publication", None
            )
        case Registration():
            event = _agent_event(record, "contex.agent.registered")
            return _Form(record.key, event, "registration", data.from_registration(record))
        case Unregistration():
            return _Form(
                record.key, _agent_event(record, "contex.agent.left"), "registration", None
            )
        case Update():
            event = Event(
                event_id=str(record.update_id),
                source=_source(record.agent),
                event_type=f"context.{record.kind}",
                subject=record.agent.agent_id,
                time_ms=record.caused_at_ms,
            )
            return _Form(record.agent, event, "update", data.from_update(record))
        case Attempt():
            event = Event(
                event_id=str(record.attempt_id),
                source=_source(record.agent),
                event_type="contex.webhook.attempted",
                subject=record.agent.agent_id,
                time_ms=record.at_ms,
            )
            return _Form(record.agent, event, "attempt", data.from_attempt(record))


def _value_event(record: Publication | Deletion, event_type: str) -> Event:
    return Event(
        event_id=record.event_id,
        source=_source(record.key),
        event_type=event_type,
        subject=record.key.data_key,
        time_ms=record.published_at_ms,
    )


def _agent_event(record: Registration | Unregistration, event_type: str) -> Event:
    return Event(
        event_id=record.event_id,
        source=_source(record.key),
        event_type=event_type,
        subject=record.key.agent_id,
        time_ms=record.registered_at_ms,
    )


def _source(key: ValueKey | AgentKey) -> str:
    return f"/tenants/{key.scope.tenant}/projects/{key.scope.project}"


def _value_key(received: Received) -> ValueKey:
    text = _key(received)
    try:
        return ValueKey.parse(text)
    except InvalidName as error:
        raise InvalidRecord(f"key {text[:80]!r}: {error}", field="key") from error


def _agent_key(received: Received) -> AgentKey:
    text = _key(received)
    try:
        return AgentKey.parse(text)
    except InvalidName as error:
        raise InvalidRecord(f"key {text[:80]!r}: {error}", field="key") from error


def _key(received: Received) -> str:
    if received.key is None:
        raise InvalidRecord("record has no key", field="key")
    try:
        return received.key.decode()
    except UnicodeDecodeError as error:
        raise InvalidRecord("key is not UTF-8", field="key") from error


def _present(value: bytes | None) -> bytes:
    if value is None:
        raise InvalidRecord("record has no value", field="value")
    return value
