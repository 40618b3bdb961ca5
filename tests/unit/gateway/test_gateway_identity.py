"""Who shows the key is let in; nobody else learns more than that a key is asked for."""

from hmac import compare_digest

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.identity import ApiKeyIdentity, Permission, StaticIdentity, resolver_for
from gateway.problems import Refusal

KEY = "0123456789abcdef-secret"


def asking(**headers: str) -> web.Request:
    return make_mocked_request("GET", "/", {k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY} "},
        {"X_API_Key": KEY},
        {"Authorization": f"Bearer {KEY}", "X_API_Key": "another"},
    ],
)
async def test_the_key_is_taken_in_either_header(headers: dict[str, str]) -> None:
    identity = await ApiKeyIdentity("acme", KEY).resolve(asking(**headers))
    assert (identity.tenant, identity.permissions) == ("acme", frozenset(Permission))


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="contex"'),
        ({"Authorization": f"Basic {KEY}"}, 'Bearer realm="contex"'),
        ({"Authorization": KEY}, 'Bearer realm="contex"'),
        ({"Authorization": "Bearer "}, 'Bearer realm="contex", error="invalid_token"'),
        ({"Authorization": f"Bearer {KEY}x"}, 'Bearer realm="contex", error="invalid_token"'),
        ({"X_API_Key": KEY[:-1]}, 'Bearer realm="contex", error="invalid_token"'),
        ({"X_API_Key": "k\u00e9"}, 'Bearer realm="contex", error="invalid_token"'),
        (
            {"Authorization": "Bearer wrong", "X_API_Key": KEY},
            'Bearer realm="contex", error="invalid_token"',
        ),
    ],
)
async def test_anything_else_is_refused_with_a_challenge(
    headers: dict[str, str], challenge: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await ApiKeyIdentity("acme", KEY).resolve(asking(**headers))
    problem = refused.value.problem
    assert (problem.status, problem.code) == (401, "unauthenticated")
    assert problem.headers["WWW-Authenticate"] == challenge
    assert KEY not in problem.detail
    if "error" not in challenge:
        assert "'Authorization: Bearer KEY' or 'X-API-Key: KEY'" in problem.detail


async def test_keys_are_compared_in_constant_time_whatever_their_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[int, int]] = []

    def compare(shown: bytes, held: bytes) -> bool:
        compared.append((len(shown), len(held)))
        return compare_digest(shown, held)

    monkeypatch.setattr("gateway.identity.hmac.compare_digest", compare)
    for shown in ("x", KEY, KEY * 10):
        try:
            await ApiKeyIdentity("acme", KEY).resolve(asking(X_API_Key=shown))
        except Refusal:
            continue
    assert compared == [(32, 32)] * 3, f"expected digests of one length, got {compared}"


def test_without_a_key_everybody_is_the_operator() -> None:
    assert isinstance(resolver_for("acme", None), StaticIdentity)
    assert isinstance(resolver_for("acme", KEY), ApiKeyIdentity)
