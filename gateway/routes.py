"""The table of routes: method, path, handler, the permission each one asks for, and its words."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway import about
from gateway.admission import Permissions
from gateway.edge import Handler
from gateway.handlers import agents, batch, data, docs, health, query, updates
from gateway.identity import Permission
from gateway.openapi.operation import Operation

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        endless: its answer goes on for ever, so that nobody may ask for its head alone.
    """

    method: str
    path: str
    handler: Handler
    permission: Permission
    about: Operation
    endless: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers: whoever may read may ask for the head alone (RFC 9110, 9.3.2)."""
        return (
            (self.method, "HEAD") if self.method == "GET" and not self.endless else (self.method,)
        )


ROUTES = (
    Route(
        "POST", f"{API}/data/publish", data.publish,
        Permission.DATA_PUBLISH, about.data.PUBLISH,
    ),
    Route(
        "POST", f"{API}/batch/publish", batch.publish,
        Permission.DATA_PUBLISH, about.batch.PUBLISH,
    ),
    Route(
        "GET", f"{API}/projects/{{project_id}}/data/{{data_key:.+}}", data.read,
        Permission.DATA_READ, about.data.READ,
    ),
    Route(
        "DELETE", f"{API}/projects/{{project_id}}/data/{{data_key:.+}}", data.delete,
        Permission.DATA_DELETE, about.data.DELETE,
    ),
    Route(
        "POST", f"{API}/agents/register", agents.register,
        Permission.AGENTS_REGISTER, about.agents.REGISTER,
    ),
    Route(
        "POST", f"{API}/batch/register", batch.register,
        Permission.AGENTS_REGISTER, about.batch.REGISTER,
    ),
    Route(
        "GET", f"{API}/projects/{{project_id}}/data", query.values,
        Permission.DATA_READ, about.query.LIST,
    ),
    Route(
        "POST", f"{API}/projects/{{project_id}}/query", query.query,
        Permission.DATA_READ, about.query.QUERY,
    ),
    Route("GET", f"{API}/agents", agents.page, Permission.AGENTS_READ, about.agents.LIST),
    Route(
        "GET", f"{API}/agents/{{agent_id}}", agents.show,
        Permission.AGENTS_READ, about.agents.SHOW,
    ),
    Route(
        "PATCH", f"{API}/agents/{{agent_id}}", agents.change,
        Permission.AGENTS_REGISTER, about.agents.CHANGE,
    ),
    Route(
        "DELETE", f"{API}/agents/{{agent_id}}", agents.unregister,
        Permission.AGENTS_DELETE, about.agents.UNREGISTER,
    ),
    Route(
        "GET", f"{API}/agents/{{agent_id}}/updates", updates.stream,
        Permission.UPDATES_READ, about.updates.STREAM, endless=True,
    ),
    Route("GET", "/health", health.ready, Permission.PUBLIC, about.operating.HEALTH),
    Route("GET", "/health/live", health.live, Permission.PUBLIC, about.operating.LIVE),
    Route("GET", "/health/ready", health.ready, Permission.PUBLIC, about.operating.READY),
    Route("GET", "/metrics", health.measure, Permission.PUBLIC, about.operating.METRICS),
    Route("GET", "/openapi.json", docs.document, Permission.PUBLIC, about.docs.DOCUMENT),
    Route("GET", "/docs", docs.page, Permission.PUBLIC, about.docs.PAGE),
    Route("GET", "/docs/{asset}", docs.asset, Permission.PUBLIC, about.docs.ASSET),
)  # fmt: skip


def add(app: web.Application, routes: Sequence[Route] = ROUTES) -> Permissions:
    """Add the routes to `app` and return what each one asks for."""
    permissions: dict[tuple[str, str], Permission] = {}
    for route in routes:
        for method in route.methods:
            resource = app.router.add_route(method, route.path, route.handler).resource
            assert resource is not None, "only the router's own answers have no resource"
            permissions[method, resource.canonical] = route.permission
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
