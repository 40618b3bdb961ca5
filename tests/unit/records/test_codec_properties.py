"""The codec on any record and on any bytes: it reads what it wrote, or says that it cannot."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.errors import InvalidName, InvalidRecord
from contex.records import (
    AgentKey,
    Attempt,
    Cause,
    Deletion,
    Exclusion,
    Fault,
    Item,
    MatchedNeed,
    Need,
    Omitted,
    Outcome,
    Publication,
    Registration,
    Scope,
    StreamDelivery,
    Unregistration,
    Update,
    UpdateKind,
    Value,
    ValueKey,
    WebhookDelivery,
)
from contex.records.codec import Codec, Record
from contex.records.headers import TIME_MS_MAX
from contex.records.message import Received
from contex.records.names import check_data_key
from contex.records.rendering import update_body
from contex.records.schema_source import PinnedSchemas

CODEC = Codec(PinnedSchemas())


def is_data_key(text: str) -> bool:
    try:
        return bool(check_data_key(text))
    except InvalidName:
        return False


names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=50)
optional_texts = st.none() | texts
scopes = st.builds(Scope, names, names)
data_keys = texts.filter(is_data_key)
value_keys = st.builds(ValueKey, scopes, data_keys)
agent_keys = st.builds(AgentKey, scopes, names)
event_ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
times = st.integers(0, TIME_MS_MAX)
longs = st.integers(-(2**63), 2**63 - 1)
ints = st.integers(-(2**31), 2**31 - 1)
counts = st.integers(0, 2**31 - 1)
scores = st.floats(-1, 1)
labels = st.dictionaries(texts, texts, max_size=4)

values = st.builds(Value, st.binary(max_size=200), optional_texts, labels)
publications = st.builds(Publication, value_keys, values, event_ids, times, optional_texts)
deletions = st.builds(Deletion, value_keys, event_ids, times)
statements = texts.filter(lambda text: bool(text.strip()))
filters = st.dictionaries(
    texts.filter(bool), st.lists(texts, min_size=1, max_size=3).map(tuple), max_size=3
)
exclusions = st.lists(st.builds(Exclusion, statements, scores), max_size=3).map(tuple)
needs = st.builds(Need, statements, scores, filters, exclusions)
registrations = st.builds(
    Registration,
    agent_keys,
    st.lists(needs, max_size=4).map(tuple),
    st.builds(StreamDelivery) | st.builds(WebhookDelivery, texts, texts),
    event_ids,
    times,
    counts,
)
unregistrations = st.builds(Unregistration, agent_keys, event_ids, times)
items = st.builds(
    Item,
    texts,
    longs,
    st.lists(st.builds(MatchedNeed, texts, scores, scores), max_size=3).map(tuple),
    st.none() | st.binary(max_size=50),
    optional_texts,
    labels,
    optional_texts,
    counts,
)
updates = st.builds(
    Update,
    st.uuids(),
    st.sampled_from(UpdateKind),
    agent_keys,
    longs,
    st.builds(Cause, texts, ints, longs),
    times,
    st.lists(items, max_size=3).map(tuple),
    st.lists(st.builds(Omitted, texts, longs, scores, counts), max_size=3).map(tuple),
    counts,
)
attempts = st.builds(
    Attempt,
    st.uuids(),
    agent_keys,
    counts,
    times,
    longs,
    st.sampled_from(Outcome),
    st.sampled_from(Fault),
    st.none() | ints,
    optional_texts,
    optional_texts,
    optional_texts,
)
records = publications | deletions | registrations | unregistrations | updates | attempts
headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_time", "traceparent", "content-type"]) | texts,
        st.binary(max_size=40),
    ),
    max_size=4,
).map(tuple)


def read(record: Record, received: Received) -> object:
    if isinstance(record, Publication | Deletion):
        return CODEC.publication(received)
    if isinstance(record, Registration | Unregistration):
        return CODEC.registration(received)
    return CODEC.update(received) if isinstance(record, Update) else CODEC.attempt(received)


def as_received(record: Record) -> Received:
    message = CODEC.encode(record)
    return Received("topic", 0, 0, 0, message.key, message.value, message.headers)


def read_by_all(received: Received) -> None:
    for reader in (CODEC.publication, CODEC.registration, CODEC.update, CODEC.attempt):
        with suppress(InvalidRecord):
            reader(received)


@given(records)
def test_any_record_is_read_as_it_was_written(record: Record) -> None:
    assert read(record, as_received(record)) == record


@given(records)
def test_writing_is_a_function_of_the_record(record: Record) -> None:
    assert CODEC.encode(record) == CODEC.encode(record)


@given(
    st.none() | st.binary(max_size=100) | value_keys.map(lambda key: str(key).encode()),
    st.none()
    | st.binary(max_size=300)
    | st.builds(
        lambda schema_id, body: b"\x00" + schema_id.to_bytes(4, "big") + body,
        st.integers(0, 6),
        st.binary(max_size=300),
    ),
    headers,
    longs,
)
def test_any_bytes_are_a_record_or_invalid(
    key: bytes | None,
    value: bytes | None,
    headers_: tuple[tuple[str, bytes], ...],
    timestamp_ms: int,
) -> None:
    read_by_all(Received("topic", 0, 0, timestamp_ms, key, value, headers_))


@given(records, st.data())
def test_a_damaged_record_is_a_record_or_invalid(record: Record, data: st.DataObject) -> None:
    received = as_received(record)
    value = bytearray(received.value or b"")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(value)))
        value[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=10))

    read_by_all(replace(received, value=bytes(value)))


@given(updates, st.data())
def test_an_update_that_can_be_read_can_be_told(update: Update, data: st.DataObject) -> None:
    received = as_received(update)
    value = bytearray(received.value or b"")
    value[data.draw(st.integers(5, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(InvalidRecord):
        update = CODEC.update(replace(received, value=bytes(value)))

    assert json.loads(update_body(update))["data"]["kind"] == update.kind


@given(publications, value_keys)
def test_a_foreign_key_is_never_accepted(publication: Publication, key: ValueKey) -> None:
    foreign = replace(as_received(publication), key=str(key).encode())
    if key == publication.key:
        assert CODEC.publication(foreign) == publication
    else:
        with pytest.raises(InvalidRecord, match="disagrees"):
            CODEC.publication(foreign)


@given(st.uuids(version=4), agent_keys, st.integers(1, 16))
def test_an_attempts_id_says_which_try_it_was(
    update: uuid.UUID, agent: AgentKey, number: int
) -> None:
    attempt = Attempt(update, agent, number, 0, 0, Outcome.SUCCEEDED)

    assert attempt.attempt_id == replace(attempt, latency_ms=9).attempt_id
    assert attempt.attempt_id != replace(attempt, attempt=number + 1).attempt_id
