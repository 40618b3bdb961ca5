"""The account of a request: its canonical log line, and what the metrics count of it.

Decides what is told of a request from outside of its operation; the operation notes the rest.
"""

from aiohttp import web

from contex.telemetry import metrics
from contex.telemetry.canonical import HTTP_REQUEST, NAME_CHARACTERS_MAX
from contex.telemetry.line import Line
from contex.telemetry.logs import get_logger
from gateway.openapi.operation import EVENT_STREAM
from gateway.requests import IDENTITY, REQUEST_ID, trace_of

UNKNOWN = "unknown"
CLIENT_GONE = 499

_REFUSED = 400
_FAILED = 500
_PROBES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_NAMED = {"project_id": "project", "agent_id": "agent", "data_key": "key"}

_log = get_logger(__name__)


def record(
    request: web.Request, response: web.StreamResponse | None, status: int, line: Line
) -> None:
    """Count a request that has ended, and write its line."""
    resource = request.match_info.route.resource
    route = UNKNOWN if resource is None else resource.canonical
    method = request.method if request.method in _METHODS else UNKNOWN
    durations = line.durations
    metrics.HTTP_REQUESTS.labels(method, route, str(status)).inc()
    if response is None or response.content_type != EVENT_STREAM:
        metrics.HTTP_SECONDS.labels(method, route).observe(durations["duration_ms"] / 1000)
    identity = request.get(IDENTITY)
    told = {
        "method": method,
        "route": route,
        "status": status,
        "outcome": outcome(status),
        "request_id": request[REQUEST_ID],
        "trace_id": trace_of(request).trace_id.hex(),
        "tenant": None if identity is None else identity.tenant,
        "remote": request.remote,
        "request_size_bytes": request.content_length or 0,
        "response_size_bytes": 0 if response is None else response.body_length,
    }
    # Probes come every second or so, and say nothing as long as they are answered.
    write = _log.debug if route in _PROBES and status < _REFUSED else _log.info
    write(HTTP_REQUEST, **(told | _names(request) | line.fields | durations))


def outcome(status: int) -> str:
    """Say how a request ended."""
    if status == CLIENT_GONE:
        return "left"
    if status >= _FAILED:
        return "failed"
    return "refused" if status >= _REFUSED else "answered"


def _names(request: web.Request) -> dict[str, object]:
    """Return what the path and the query name."""
    given = {**request.query, **request.match_info}
    return {
        field: given[name][:NAME_CHARACTERS_MAX] for name, field in _NAMED.items() if name in given
    }
