"""Who asks, and what they may do.

Decides permission by comparing what a route declares with what an identity holds. How an identity
is proved is the resolver's affair.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from contex.records.names import check_name


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
        """Return the caller of `request`."""
        ...


class StaticIdentity:
    """Everybody is the operator of one tenant: for a gateway that only trusted callers reach."""

    def __init__(self, tenant: str) -> None:
        self._identity = Identity(check_name(tenant, "tenant"), frozenset(Permission))

    async def resolve(self, request: web.Request) -> Identity:
        """Return the one identity, whoever asks."""
        del request
        return self._identity
