"""Updates as JSON: one shape for streams and webhooks, whatever the value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.records import (
    AgentKey,
    Cause,
    Item,
    MatchedNeed,
    Omitted,
    Scope,
    Update,
    UpdateKind,
    update_id,
)
from contex.records.rendering import update_body, update_json, value_json

AGENT = AgentKey(Scope("acme", "shop"), "billing")
CAUSE = Cause("contex.registrations", 3, 41)


def update(*items: Item, kind: UpdateKind = UpdateKind.MATCHED) -> Update:
    return Update(
        update_id(CAUSE, AGENT), kind, AGENT, 41, CAUSE, 1_767_225_600_123, items,
        (Omitted("long", 4, 0.4, 50_000),), 3,
    )  # fmt: skip


def test_the_payload_is_whole() -> None:
    needs = (MatchedNeed("the currency", 0.75, 0.34), MatchedNeed("money", 0.5, 0.4))
    item = Item("config", 7, needs, b'{"currency": "EUR"}', "application/json", {"a": "b"}, None, 9)

    assert update_json(update(item, kind=UpdateKind.INITIAL)) == {
        "type": "context.initial",
        "timestamp": "2026-01-01T00:00:00.123Z",
        "data": {
            "update_id": str(update_id(CAUSE, AGENT)),
            "tenant": "acme",
            "project_id": "shop",
            "agent_id": "billing",
            "kind": "initial",
            "epoch": 41,
            "cause": {"topic": "contex.registrations", "partition": 3, "offset": 41},
            "items": [
                {
                    "data_key": "config",
                    "revision": 7,
                    "score": 0.75,
                    "needs": [
                        {"need": "the currency", "score": 0.75, "threshold": 0.34},
                        {"need": "money", "score": 0.5, "threshold": 0.4},
                    ],
                    "data": {"currency": "EUR"},
                    "content_type": "application/json",
                    "metadata": {"a": "b"},
                    "reference": None,
                    "tokens": 9,
                }
            ],
            "omitted": [{"data_key": "long", "revision": 4, "score": 0.4, "tokens": 50_000}],
            "omitted_total": 3,
        },
    }


def test_a_retraction_and_a_reference_carry_no_value() -> None:
    items = update_json(update(Item("a", 1), Item("b", 2, reference="/api/v1/x?revision=2")))
    gone, elsewhere = items["data"]["items"]

    assert (gone["data"], gone["reference"], gone["score"]) == (None, None, 0.0)
    assert (elsewhere["data"], elsewhere["reference"]) == (None, "/api/v1/x?revision=2")


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b"[1, 2]", "application/json", {"data": [1, 2]}),
        (b"null", "application/json", {"data": None}),
        (b'{"a": 1}', "application/vnd.api+json; charset=utf-8", {"data": {"a": 1}}),
        (b'{"a": 1}', "Application/JSON", {"data": {"a": 1}}),
        (b'{"a": 1}', "text/plain", {"data": '{"a": 1}'}),
        (b' {"a": 1}', None, {"data": {"a": 1}}),
        (b"42", None, {"data": "42"}),  # a number alone is text unless it is said to be JSON
        (b"{broken", None, {"data": "{broken"}),
        (b"{broken", "application/json", {"data": "{broken"}),
        (b'{"a": NaN}', "application/json", {"data": '{"a": NaN}'}),
        (b"1e999", "application/json", {"data": "1e999"}),
        (b"[" * 100_000, "application/json", {"data": "[" * 100_000}),
        ("grüße".encode(), "text/plain", {"data": "grüße"}),
        (b"\xff\x00", "image/png", {"data_base64": "/wA="}),
        (b"", None, {"data": ""}),
    ],
)
def test_a_value_stands_in_json_as_what_it_is(
    content: bytes, content_type: str | None, expected: dict[str, Any]
) -> None:
    assert value_json(content, content_type) == expected


def test_large_integers_arrive_as_they_are() -> None:
    item = Item("big", 1, (), str(2**70).encode(), "application/json")

    assert json.loads(update_body(update(item)))["data"]["items"][0]["data"] == 2**70


def test_the_body_is_the_same_for_the_same_update() -> None:
    item = Item("a", 1, (), b'{"z": "\xc3\xbc", "a": 1}', "application/json", {"z": "1", "a": "2"})

    body = update_body(update(item))

    assert body == update_body(update(item))
    assert json.loads(body) == update_json(update(item))
    assert b"\n" not in body
    assert "ü".encode() in body


@given(
    st.binary() | st.text().map(lambda text: text.encode(errors="ignore")), st.none() | st.text()
)
def test_any_value_makes_a_body(content: bytes, content_type: str | None) -> None:
    body = update_body(update(Item("k", 1, (), content, "application/json")))
    other = update_body(update(Item("k", 1, (), content, content_type)))

    assert json.loads(body)["data"]["items"][0]["data_key"] == "k"
    assert b"\n" not in other


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_json_value_arrives_as_it_was(value: object) -> None:
    content = json.dumps(value).encode()
    item = Item("k", 1, (), content, "application/json")

    assert json.loads(update_body(update(item)))["data"]["items"][0]["data"] == value
