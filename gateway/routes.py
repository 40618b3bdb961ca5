"""The table of routes: method, path, handler and the permission each one asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.admission import Permissions
from gateway.edge import Handler
from gateway.handlers import agents, data, health, updates
from gateway.identity import Permission

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    handler: Handler
    permission: Permission


ROUTES = (
    Route("POST", f"{API}/data/publish", data.publish, Permission.DATA_PUBLISH),
    Route(
        "GET", f"{API}/projects/{{project_id}}/data/{{data_key:.+}}", data.read,
        Permission.DATA_READ,
    ),
    Route(
        "DELETE", f"{API}/projects/{{project_id}}/data/{{data_key:.+}}", data.delete,
        Permission.DATA_DELETE,
    ),
    Route("POST", f"{API}/agents/register", agents.register, Permission.AGENTS_REGISTER),
    Route("GET", f"{API}/agents", agents.page, Permission.AGENTS_READ),
    Route("GET", f"{API}/agents/{{agent_id}}", agents.show, Permission.AGENTS_READ),
    Route("DELETE", f"{API}/agents/{{agent_id}}", agents.unregister, Permission.AGENTS_DELETE),
    Route("GET", f"{API}/agents/{{agent_id}}/updates", updates.stream, Permission.UPDATES_READ),
    Route("GET", "/health", health.ready, Permission.PUBLIC),
    Route("GET", "/health/live", health.live, Permission.PUBLIC),
    Route("GET", "/health/ready", health.ready, Permission.PUBLIC),
    Route("GET", "/metrics", health.measure, Permission.PUBLIC),
)  # fmt: skip


def add(app: web.Application, routes: Sequence[Route] = ROUTES) -> Permissions:
    """Add the routes to `app` and return what each one asks for."""
    permissions: dict[tuple[str, str], Permission] = {}
    for route in routes:
        resource = app.router.add_route(route.method, route.path, route.handler).resource
        assert resource is not None, "only the router's own answers have no resource"
        permissions[route.method, resource.canonical] = route.permission
    return permissions


def check(app: web.Application, permissions: Permissions) -> None:
    """Refuse to start with a route that has declared no permission.

    Raises:
        RuntimeError: naming the route.
    """
    for route in app.router.routes():
        path = "" if route.resource is None else route.resource.canonical
        if not isinstance(permissions.get((route.method, path)), Permission):
            raise RuntimeError(f"{route.method} {path} declares no permission")  # noqa: TRY004 - a bug of ours, not a wrong argument
