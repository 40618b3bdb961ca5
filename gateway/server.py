"""The HTTP server: the application, its limits, and an answer even to what is no HTTP.

Decides how requests reach the application. A request that the parser refuses never gets there; it
is answered with the same kind of problem by the protocol itself.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from gateway import limits, routes
from gateway.admission import Admission
from gateway.edge import edge, protect, request_id, respond, standing_headers
from gateway.handlers.answers import HOUSE
from gateway.handlers.docs import DESCRIPTION, Description
from gateway.house import House
from gateway.identity import IdentityResolver, StaticIdentity
from gateway.openapi.document import document, render
from gateway.problems import of_status


def application(house: House, resolver: IdentityResolver) -> web.Application:
    """Return the application, every route of which has declared its permission.

    Raises:
        RuntimeError: if a route has not.
    """
    app = web.Application(client_max_size=limits.BODY_BYTES_MAX)
    permissions = routes.add(app)
    routes.check(app, permissions)
    admission = Admission(permissions, resolver, started=lambda: house.started)
    app.middlewares.extend([edge, admission.middleware()])
    app.on_response_prepare.append(protect)
    app.on_shutdown.append(_close_streams)
    app[HOUSE] = house
    key_required = not isinstance(resolver, StaticIdentity)
    app[DESCRIPTION] = Description.of(render(document(routes.ROUTES, key_required=key_required)))
    return app


async def _close_streams(app: web.Application) -> None:
    app[HOUSE].hub.close()


class _Protocol(web.RequestHandler):
    """Answers a request that cannot be parsed in the shape of every other failure."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del request, message  # the parser's buffer is quoted in the message
        if not isinstance(exc, HttpProcessingError):
            self.log_exception("a request failed outside the application", exc_info=exc)
        identity = request_id(None)
        response = respond(of_status(status), instance="", request_id=identity)
        response.headers.update(standing_headers(identity))
        response.force_close()
        return response


class _Server(web.Server):
    """Speaks `_Protocol` on every connection."""

    def __init__(self, inner: web.Server, **options: Any) -> None:  # noqa: ANN401 - the options of aiohttp's protocol
        super().__init__(inner.request_handler, request_factory=inner.request_factory, **options)
        self._options = options

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        return _Protocol(self, loop=loop, **self._options)


class Runner(web.AppRunner):
    """Serves an application with the gateway's limits."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(
            app,
            access_log=None,
            shutdown_timeout=limits.SHUTDOWN_TIMEOUT_S,
            keepalive_timeout=limits.KEEP_ALIVE_TIMEOUT_S,
            max_line_size=limits.HEADER_LINE_BYTES_MAX,
            max_field_size=limits.HEADER_FIELD_BYTES_MAX,
        )

    async def _make_server(self) -> web.Server:
        return _Server(
            await super()._make_server(),
            access_log=None,
            keepalive_timeout=limits.KEEP_ALIVE_TIMEOUT_S,
            max_line_size=limits.HEADER_LINE_BYTES_MAX,
            max_field_size=limits.HEADER_FIELD_BYTES_MAX,
        )
