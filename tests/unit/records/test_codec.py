"""The codec on chosen records: what goes out, what comes in, and what is refused in which words."""

import asyncio
import struct
import uuid
from dataclasses import replace
from typing import Any

import pytest
from asked_schemas import AskedSchemas

from contex.errors import DependencyAway, InvalidRecord
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
    update_id,
)
from contex.records.codec import Codec
from contex.records.message import Message, Received
from contex.records.schema_source import PinnedSchemas

KEY = ValueKey(Scope("acme", "shop"), "config/checkout")
AGENT = AgentKey(Scope("acme", "shop"), "billing")
CAUSE = Cause("contex.publications", 3, 41)
PUBLICATION = Publication(
    KEY, Value(b'{"a": 1}', "application/json", {"team": "pay"}), "event-1", 1_767_225_600_123, "x"
)
REGISTRATION = Registration(
    AGENT,
    (
        Need("the currency", filters={"country": ("SE", "NO")}),
        Need("the retries", 0.5, exclusions=(Exclusion("of e-mails"), Exclusion("old", 0.4))),
    ),
    WebhookDelivery("https://agents.example/hook", "sealed"),
    "event-2",
    1_767_225_600_000,
    9_000,
)
UPDATE = Update(
    update_id(CAUSE, AGENT),
    UpdateKind.INITIAL,
    AGENT,
    17,
    CAUSE,
    1_767_225_600_000,
    (
        Item("config/checkout", 41, (MatchedNeed("the currency", 0.71, 0.34),), b"EUR", tokens=1),
        Item("docs", 12, (), None, "text/plain", {}, "/api/v1/projects/shop/data/docs?revision=12"),
    ),
    (Omitted("long", 4, 0.4, 50_000),),
    3,
)
ATTEMPT = Attempt(
    update_id(CAUSE, AGENT),
    AGENT,
    2,
    1_767_225_605_000,
    112,
    Outcome.RETRYING,
    Fault.ENDPOINT,
    503,
    "restarting",
    "contex.webhooks.retry.1m",
    "HTTP 503",
)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(PinnedSchemas())


def received(message: Message, **changes: Any) -> Received:
    place = Received(
        "contex.publications", 3, 41, 1_700_000_000_000, message.key, message.value, message.headers
    )
    return replace(place, **changes)


def test_every_record_is_read_as_it_was_written(codec: Codec) -> None:
    stream = replace(REGISTRATION, delivery=StreamDelivery())
    gone, left = Deletion(KEY, "event-3", 5), Unregistration(AGENT, "event-4", 6)

    assert codec.publication(received(codec.encode(PUBLICATION))) == PUBLICATION
    assert codec.publication(received(codec.encode(gone))) == gone
    assert codec.registration(received(codec.encode(REGISTRATION))) == REGISTRATION
    assert codec.registration(received(codec.encode(stream))) == stream
    assert codec.registration(received(codec.encode(left))) == left
    assert codec.update(received(codec.encode(UPDATE))) == UPDATE
    assert codec.attempt(received(codec.encode(ATTEMPT))) == ATTEMPT


def test_a_record_goes_out_in_the_wire_format_under_its_key(codec: Codec) -> None:
    message = codec.encode(PUBLICATION)

    assert message.key == b"acme/shop/config/checkout"
    assert message.value is not None
    assert struct.unpack_from(">bI", message.value) == (0, 1)


def test_the_headers_are_a_cloud_event_in_binary_mode(codec: Codec) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    headers = dict(codec.encode(PUBLICATION, traceparent=traceparent).headers)

    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"event-1",
        "ce_source": b"/tenants/acme/projects/shop",
        "ce_type": b"contex.value.published",
        "ce_subject": b"config/checkout",
        "ce_time": b"2026-01-01T00:00:00.123Z",
        "content-type": b"application/avro",
        "traceparent": traceparent.encode(),
    }


def test_an_updates_event_is_the_update(codec: Codec) -> None:
    headers = dict(codec.encode(UPDATE).headers)

    assert headers["ce_id"] == str(UPDATE.update_id).encode()
    assert headers["ce_type"] == b"context.initial"


def test_a_tombstone_has_no_value_and_no_content_type(codec: Codec) -> None:
    message = codec.encode(Deletion(KEY, "event-3", 5))

    assert message.value is None
    assert "content-type" not in dict(message.headers)


def test_a_tombstone_without_headers_takes_its_identity_from_its_place(codec: Codec) -> None:
    bare = received(Message(b"acme/shop/k", None), timestamp_ms=1_234)

    first, again = codec.publication(bare), codec.publication(bare)
    other = codec.publication(replace(bare, offset=42))

    assert first == again
    assert first != other
    assert isinstance(first, Deletion)
    assert first.published_at_ms == 1_234
    assert uuid.UUID(first.event_id).version == 5


def test_a_record_without_a_timestamp_is_of_the_epoch(codec: Codec) -> None:
    """Kafka says -1 when a record has none."""
    read = codec.publication(received(Message(b"acme/shop/k", None), timestamp_ms=-1))

    assert isinstance(read, Deletion)
    assert read.published_at_ms == 0


def test_the_last_of_two_headers_counts(codec: Codec) -> None:
    message = Message(b"acme/shop/k", None, (("ce_id", b"first"), ("ce_id", b"last")))

    assert codec.publication(received(message)).event_id == "last"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"key": None}, "key", "no key"),
        ({"key": b"\xff"}, "key", "not UTF-8"),
        ({"key": b"acme/shop"}, "key", "data_key"),
        ({"key": b"acme//x"}, "key", "project"),
        ({"key": b"ac me/shop/x"}, "key", "tenant"),
        ({"key": b"acme/shop/" + b"x" * 513}, "key", "512"),
        ({"key": b"other/shop/config/checkout"}, "tenant", "disagrees"),
        ({"key": b"acme/other/config/checkout"}, "project", "disagrees"),
        ({"key": b"acme/shop/config"}, "data_key", "disagrees"),
        ({"value": b""}, "value", "0 bytes"),
        ({"value": b"\x00\x00\x00\x01"}, "value", "4 bytes"),
        ({"value": b'{"json": true}'}, "value", "starts with byte 123"),
        ({"value": b"\x01\x00\x00\x00\x01abc"}, "value", "starts with byte 1"),
        ({"value": b"\x00\x00\x00\x00\x63abc"}, "value", "unknown schema id 99"),
        ({"value": b"\x00\xff\xff\xff\xffabc"}, "value", "unknown schema id 4294967295"),
        ({"value": b"\x00\x00\x00\x00\x02abc"}, "value", "is a contex.records.Registration"),
        ({"value": b"\x00\x00\x00\x00\x01abc"}, "value", "is no contex.records.Publication"),
        ({"headers": (("ce_id", b""),)}, "ce_id", "1 to 256"),
        ({"headers": (("ce_id", b"x" * 257),)}, "ce_id", "257"),
        ({"headers": (("ce_id", b"\xff"),)}, "ce_id", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(
    codec: Codec, changes: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InvalidRecord, match=says) as caught:
        codec.publication(received(codec.encode(PUBLICATION), **changes))

    assert caught.value.field == field


@pytest.mark.parametrize("time", ["", "yesterday", "2026-01-01T00:00:00", "1969-12-31T23:59:59Z"])
def test_a_tombstones_time_must_be_one(codec: Codec, time: str) -> None:
    message = Message(b"acme/shop/k", None, (("ce_time", time.encode()),))

    with pytest.raises(InvalidRecord):
        codec.publication(received(message))


def test_trailing_bytes_are_no_part_of_a_record(codec: Codec) -> None:
    message = codec.encode(PUBLICATION)
    assert message.value is not None

    with pytest.raises(InvalidRecord, match="2 bytes after the end"):
        codec.publication(received(message, value=message.value + b"ab"))


def test_an_absurd_length_allocates_nothing(codec: Codec) -> None:
    length = b"\x80\x80\x80\x80\x80\x80\x80\x80\x20"  # 2^60 as Avro writes it

    with pytest.raises(InvalidRecord, match="EOFError"):
        codec.publication(
            received(Message(b"acme/shop/k", b"\x00\x00\x00\x00\x01" + length + b"abc"))
        )


def test_an_update_has_a_value(codec: Codec) -> None:
    with pytest.raises(InvalidRecord, match="no value"):
        codec.update(received(codec.encode(UPDATE), value=None))
    with pytest.raises(InvalidRecord, match="no value"):
        codec.attempt(received(codec.encode(ATTEMPT), value=None))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_update_of_no_number_is_refused(codec: Codec, number: float) -> None:
    for broken in (
        replace(UPDATE, items=(Item("k", 1, (MatchedNeed("n", number, 0.3),)),)),
        replace(UPDATE, items=(Item("k", 1, (MatchedNeed("n", 0.4, number),)),)),
        replace(UPDATE, omitted=(Omitted("k", 1, number, 1),)),
    ):
        with pytest.raises(InvalidRecord, match="finite"):
            codec.update(received(codec.encode(broken)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"needs": (Need("x"),) * 101}, "needs"),
        ({"needs": (Need("ok"), Need(" \n"))}, "needs[1].text"),
        ({"needs": (Need("x" * 2_001),)}, "needs[0].text"),
        ({"needs": (Need("x", float("nan")),)}, "needs[0].threshold"),
        ({"needs": (Need("x", 1.01),)}, "needs[0].threshold"),
        ({"needs": (Need("x", filters={"": ("a",)}),)}, "needs[0].filters"),
        ({"needs": (Need("x", filters={"l" * 129: ("a",)}),)}, "needs[0].filters"),
        ({"needs": (Need("x", filters={"label": ()}),)}, "needs[0].filters.label"),
        ({"needs": (Need("x", filters={"label": ("a",) * 33}),)}, "needs[0].filters.label"),
        ({"needs": (Need("x", filters={"label": ("a" * 1_025,)}),)}, "needs[0].filters.label"),
        (
            {"needs": (Need("x", filters={f"l{n}": ("a",) for n in range(17)}),)},
            "needs[0].filters",
        ),
        ({"needs": (Need("x", exclusions=(Exclusion(" "),)),)}, "needs[0].exclusions[0].text"),
        (
            {"needs": (Need("x", exclusions=(Exclusion("y", 1.1),)),)},
            "needs[0].exclusions[0].threshold",
        ),
        ({"needs": (Need("x", exclusions=(Exclusion("y"),) * 11),)}, "needs[0].exclusions"),
        ({"needs": (Need("x", exclusions=(Exclusion("y"),) * 10),) * 19}, "needs"),
        (
            {"needs": (Need("x", filters={"l": ("\U00010000" * 1_024,) * 32}),) * 8},
            "needs",
        ),
        ({"token_budget": -1}, "token_budget"),
        ({"token_budget": 2**31}, "token_budget"),
        ({"registered_at_ms": -1}, "registered_at"),
        ({"registered_at_ms": 2**62}, "registered_at"),
        ({"event_id": "\ud800"}, "ce_id"),
        ({"delivery": WebhookDelivery("http://\ud800", "s")}, "value"),
    ],
)
def test_a_registration_beyond_its_limits_is_not_written(
    codec: Codec, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRecord) as caught:
        codec.encode(replace(REGISTRATION, **changes))

    assert caught.value.field == field


async def test_a_schema_is_learned_in_a_thread_once_for_a_burst(codec: Codec) -> None:
    source = AskedSchemas()
    reading = Codec(source)
    told = received(codec.encode(UPDATE))
    await asyncio.gather(*(reading.learn(told) for _ in range(50)))
    assert reading.update(told) == UPDATE
    assert len(source.asked) == 1


async def test_what_could_not_be_learned_is_said_and_asked_for_again(codec: Codec) -> None:
    reading = Codec(AskedSchemas(away=1))
    told = received(codec.encode(UPDATE))
    with pytest.raises(DependencyAway):
        await reading.learn(told)
    await reading.learn(told)
    assert reading.update(told) == UPDATE
    for value in (b"", b"\x01\x00\x00\x00\x01", b"\x00\x00\x00\xff\xff"):
        with pytest.raises(InvalidRecord):
            await reading.learn(replace(told, value=value))
    await reading.learn(replace(told, value=None))
