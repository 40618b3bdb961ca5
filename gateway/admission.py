"""Who is let in: identity, permission, and room. Runs before any handler of a private route.

Decides deny by default: a route without a declared permission does not even start.
"""

from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.edge import Handler
from gateway.identity import IdentityResolver, Permission
from gateway.limits import REQUESTS_IN_FLIGHT_MAX
from gateway.problems import Refusal, of_status, unavailable
from gateway.requests import IDENTITY

Permissions = Mapping[tuple[str, str], Permission]
"""The permission of each route, by method and path template."""


class Admission:
    """Lets requests in.

    Args:
        started: whether the gateway can serve; until then only public routes are answered.
        in_flight_max: requests at once; streams have a bound of their own and are not counted.
    """

    def __init__(
        self,
        permissions: Permissions,
        resolver: IdentityResolver,
        *,
        started: Callable[[], bool],
        in_flight_max: int = REQUESTS_IN_FLIGHT_MAX,
    ) -> None:
        self._permissions = permissions
        self._resolver = resolver
        self._started = started
        self._in_flight_max = in_flight_max
        self._in_flight = 0

    def middleware(self) -> Middleware:
        """Return the middleware that applies this."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            if resource is None:  # no such route or method: the router's own answer
                return await handler(request)
            permission = self._permissions[request.method, resource.canonical]
            if permission is Permission.PUBLIC:
                return await handler(request)
            if not self._started():
                raise Refusal(unavailable("this gateway is starting"))
            identity = await self._resolver.resolve(request)
            if not identity.may(permission):
                raise Refusal(of_status(403))
            request[IDENTITY] = identity
            if permission is Permission.UPDATES_READ:
                return await handler(request)
            return await self._counted(request, handler)

        return admit

    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._in_flight >= self._in_flight_max:
            raise Refusal(unavailable("this gateway has as many requests as it can serve"))
        self._in_flight += 1
        try:
            return await handler(request)
        finally:
            self._in_flight -= 1
