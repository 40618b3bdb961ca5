"""Who asks, and what they may do.

Decides permission by comparing what a route declares with what an identity holds. How an identity
is proved is the resolver's affair.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from contex.records.names import check_name
from gateway.problems import Refusal, unauthenticated

API_KEY_HEADER = "X-API-Key"
_BEARER = "bearer"
_ASKED = (
    "this gateway asks for an API key: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
)


class Permission(StrEnum):
    """What a route may ask for; PUBLIC asks for nothing, not even a name."""

    PUBLIC = "public"
    DATA_PUBLISH = "data:publish"
    DATA_READ = "data:read"
    DATA_DELETE = "data:delete"
    AGENTS_REGISTER = "agents:register"
    AGENTS_READ = "agents:read"
    AGENTS_DELETE = "agents:delete"
    UPDATES_READ = "updates:read"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. The tenant comes from here alone, never from a request's fields."""

    tenant: str
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Return whether the caller holds `permission`."""
        return permission is Permission.PUBLIC or permission in self.permissions


class IdentityResolver(Protocol):
    """Proves who asks."""

    async def resolve(self, request: web.Request) -> Identity:
        """Return the caller of `request`.

        Raises:
            Refusal: 401 when it is not proved who asks.
        """
        ...


class StaticIdentity:
    """Everybody is the operator of one tenant: for a gateway that only trusted callers reach."""

    def __init__(self, tenant: str) -> None:
        self._identity = Identity(check_name(tenant, "tenant"), frozenset(Permission))

    async def resolve(self, request: web.Request) -> Identity:
        """Return the one identity, whoever asks."""
        del request
        return self._identity


class ApiKeyIdentity:
    """Whoever shows the key is the operator of one tenant; nobody else is anybody.

    Digests are compared, in constant time: neither the key nor its length shows in how long it
    takes. Of `Authorization` and `X-API-Key` the former is read when both are there.
    """

    def __init__(self, tenant: str, key: str) -> None:
        self._identity = Identity(check_name(tenant, "tenant"), frozenset(Permission))
        self._digest = _digest(key)

    async def resolve(self, request: web.Request) -> Identity:
        """Return the one identity to who shows the key.

        Raises:
            Refusal: 401 for everybody else.
        """
        shown = shown_key(request)
        if shown is None:
            raise Refusal(unauthenticated(_ASKED))
        if not hmac.compare_digest(_digest(shown), self._digest):
            raise Refusal(unauthenticated("this is not the API key", error="invalid_token"))
        return self._identity


def resolver_for(tenant: str, api_key: str | None) -> IdentityResolver:
    """Return who proves callers: a gateway without a key trusts everybody who reaches it."""
    return StaticIdentity(tenant) if api_key is None else ApiKeyIdentity(tenant, api_key)


def shown_key(request: web.Request) -> str | None:
    """Return the key that `request` shows, as `Authorization: Bearer` or `X-API-Key`."""
    authorization = request.headers.get("Authorization")
    if authorization is None:
        return request.headers.get(API_KEY_HEADER)
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip() if scheme.lower() == _BEARER else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
