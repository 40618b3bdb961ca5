"""Idempotency keys: how they are read, and which event they stand for."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_log import MemoryLog, services

from contex.errors import InvalidValue
from gateway.services import Call
from gateway.writes.keys import event_id, fingerprint, read_key

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@pytest.mark.parametrize(
    ("given_", "key"),
    [
        ([], None),
        (["8e03978e-40d5-43dd-bc93-6894a57f9324"], "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (['"8e03978e"'], "8e03978e"),
        (["  spaced  "], "spaced"),
        ([r'"a\"b\\c"'], r'a"b\c'),
        (['"'], '"'),
        (['a"b'], 'a"b'),
        (["x" * 255], "x" * 255),
    ],
)
def test_a_key_is_read_bare_or_quoted(given_: list[str], key: str | None) -> None:
    assert read_key(given_) == key


@pytest.mark.parametrize(
    "given_", [[""], ["  "], ['""'], ["x" * 256], ["with space"], ['"a b"'], ["é"], ["a", "a"]]
)
def test_what_is_no_key_is_refused_by_name(given_: list[str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_key(given_)
    assert refused.value.field == "Idempotency-Key"


def of(tenant: str, key: str | None, item: int | None = None) -> str:
    return event_id(services(MemoryLog()), Call(tenant, idempotency_key=key), item)


@given(VISIBLE)
def test_a_repeat_has_the_same_id_anywhere_and_nothing_else_has(key: str) -> None:
    ids = [of("t", key), of("u", key), of("t", key, 0), of("t", key, 1), of("t", f"{key}0")]
    assert len(set(ids)) == len(ids), f"expected ids of their own, got {ids}"
    assert ids[:4] == [of("t", key), of("u", key), of("t", key, 0), of("t", key, 1)]
    assert {uuid.UUID(one).version for one in ids} == {5}


def test_an_id_is_for_ever() -> None:
    # Another release must derive the same one: a repeat may meet it after an upgrade.
    assert of("default", "8e03978e", 3) == "540318ff-930a-5233-87a4-c4303347e739"


def test_without_a_key_each_event_is_new() -> None:
    assert of("t", None) == "id-0"


def test_a_fingerprint_tells_method_target_and_body_apart() -> None:
    marks = {
        fingerprint("POST", "/a", b"{}"),
        fingerprint("PATCH", "/a", b"{}"),
        fingerprint("POST", "/a?b=1", b"{}"),
        fingerprint("POST", "/a", b"{ }"),
    }
    assert len(marks) == 4
    assert fingerprint("POST", "/a", b"{}") in marks
