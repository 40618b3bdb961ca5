"""`verify_webhook` against what Contex signs, and against the standard's own library."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from contex.client import InvalidWebhook, NotFetched, verify_webhook
from contex.records import AgentKey, Cause, Item, MatchedNeed, Scope, Update, UpdateKind
from contex.records.rendering import update_body
from contex.webhooks.secrets import generate_secret
from contex.webhooks.signing import signed_headers

NOW_S = 1_795_252_228
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
OTHER = "whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Ro"
UPDATE = Update(
    update_id=uuid.UUID(int=7),
    kind=UpdateKind.MATCHED,
    agent=AgentKey(Scope("t", "p"), "a"),
    epoch=3,
    cause=Cause("contex.publications", 1, 9),
    caused_at_ms=NOW_S * 1000,
    items=(Item("k", 9, (MatchedNeed("n", 0.5, 0.3),), b'{"x": 1}', "application/json"),
           Item("big", 9, reference="/api/v1/x")),
)  # fmt: skip
BODY = update_body(UPDATE)
SIGNED = signed_headers(UPDATE.update_id, NOW_S, BODY, SECRET)


def test_what_contex_signs_is_verified_and_read() -> None:
    update = verify_webhook(BODY, SIGNED, SECRET, now_s=NOW_S)
    assert (update.update_id, update.kind, update.epoch, update.tenant) == (
        str(UPDATE.update_id), "matched", 3, "t")  # fmt: skip
    assert update.cause == UPDATE.cause
    item, big = update.items
    assert (item.data, item.score, item.needs) == ({"x": 1}, 0.5, UPDATE.items[0].needs)
    with pytest.raises(NotFetched, match="'big' at revision 9"):
        _ = big.data


@given(st.binary(max_size=40), st.uuids(), st.integers(0, 10**11))
def test_the_standards_library_signs_alike(body: bytes, message_id: uuid.UUID, now_s: int) -> None:
    secret = generate_secret()
    text = body.hex()
    at = datetime.fromtimestamp(now_s % 10**9, UTC)
    theirs = Webhook(secret).sign(str(message_id), at, text)
    headers = signed_headers(message_id, now_s % 10**9, text.encode(), secret)
    assert headers["webhook-signature"] == theirs


@pytest.mark.parametrize("name", [str.title, str.upper, str.lower])
def test_the_case_of_header_names_does_not_matter(name: Callable[[str], str]) -> None:
    headers = {name(key): value for key, value in SIGNED.items()}
    assert verify_webhook(BODY, headers, SECRET, now_s=NOW_S).kind == "matched"


def test_one_of_several_signatures_and_secrets_is_enough() -> None:
    both = SIGNED | {"webhook-signature": f"v1a,AAAA v1,!! v1,AAAA {SIGNED['webhook-signature']}"}
    verify_webhook(BODY, both, [OTHER, SECRET], now_s=NOW_S)
    with pytest.raises(InvalidWebhook, match="no signature holds"):
        verify_webhook(BODY, both, OTHER, now_s=NOW_S)


def test_signatures_beyond_the_bound_are_not_looked_at() -> None:
    many = SIGNED | {"webhook-signature": "v1,AAAA " * 16 + SIGNED["webhook-signature"]}
    with pytest.raises(InvalidWebhook):
        verify_webhook(BODY, many, SECRET, now_s=NOW_S)


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": str(uuid.UUID(int=8))},
        {"webhook-timestamp": str(NOW_S + 1)},
        {"webhook-signature": "v1," + "A" * 43 + "="},
        {"webhook-signature": SIGNED["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": ""},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "-5"},
        {"webhook-timestamp": "\u0661"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-id": "\udcff"},  # how servers hand on a byte that is no UTF-8
    ],
)
def test_what_was_changed_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidWebhook):
        verify_webhook(BODY, SIGNED | headers, SECRET, now_s=NOW_S)


def test_another_body_is_refused() -> None:
    for body in (BODY + b" ", BODY[:-1], b""):
        with pytest.raises(InvalidWebhook, match="no signature holds"):
            verify_webhook(body, SIGNED, SECRET, now_s=NOW_S)


@pytest.mark.parametrize(
    ("off_s", "said"), [(301, "301 s ago"), (-301, "301 s ahead"), (10**9, "ago")]
)
def test_an_old_request_is_refused(off_s: int, said: str) -> None:
    with pytest.raises(InvalidWebhook, match=said):
        verify_webhook(BODY, SIGNED, SECRET, now_s=NOW_S + off_s)


def test_the_tolerance_is_the_receivers() -> None:
    verify_webhook(BODY, SIGNED, SECRET, now_s=NOW_S + 300)
    verify_webhook(BODY, SIGNED, SECRET, now_s=NOW_S + 900, tolerance_s=900)
    with pytest.raises(InvalidWebhook):
        verify_webhook(BODY, SIGNED, SECRET)  # long ago or far ahead by the real clock


@pytest.mark.parametrize("secret", ["whsec_%", "no base64!", []])
def test_a_secret_that_is_none_is_the_receivers_mistake(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, SIGNED, secret, now_s=NOW_S)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_" + "c2hvcnQ="])
def test_a_secret_that_anybody_could_guess_verifies_nothing(secret: str) -> None:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((SIGNED["webhook-id"].encode(), b"%d" % NOW_S, BODY))
    forged = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    with pytest.raises(ValueError, match="at least 24 bytes"):
        verify_webhook(BODY, SIGNED | {"webhook-signature": f"v1,{forged}"}, secret, now_s=NOW_S)


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff", b"[]", b'{"data": {"kind": "matched"}}'])
def test_what_is_signed_and_no_update_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidWebhook, match="it is signed, but"):
        verify_webhook(
            body, signed_headers(UPDATE.update_id, NOW_S, body, SECRET), SECRET, now_s=NOW_S
        )


@pytest.mark.parametrize("body", [BODY.decode(), {"data": {}}, None])
def test_a_body_that_is_not_as_it_came_is_the_receivers_mistake(body: Any) -> None:
    with pytest.raises(TypeError, match="body must be the bytes that came"):
        verify_webhook(body, SIGNED, SECRET, now_s=NOW_S)


@given(st.dictionaries(st.sampled_from(list(SIGNED)), st.text(max_size=60)), st.binary())
def test_nothing_but_refusals_comes_of_anything_else(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, SECRET, now_s=NOW_S)
