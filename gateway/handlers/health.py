"""Is it alive, is it ready, what does it measure."""

from aiohttp import web

from contex.telemetry import metrics
from gateway.answers import Alive, Ready
from gateway.handlers.answers import HOUSE, json_answer
from gateway.problems import Problem, Refusal


async def live(_request: web.Request) -> web.Response:
    """Answer 200 for as long as the event loop turns."""
    return json_answer(Alive(status="ok"))


async def ready(request: web.Request) -> web.Response:
    """Answer 200 when everything that requests need is there, else 503 saying what is not."""
    checks = await request.app[HOUSE].checks()
    if all(checks.values()):
        return json_answer(Ready(status="ok", checks=dict(checks)))
    absent = ", ".join(name for name, holds in checks.items() if not holds)
    raise Refusal(
        Problem(
            503,
            "not-ready",
            "Not ready",
            f"not ready: {absent}",
            extra={"checks": checks},
            headers={"Retry-After": "1"},
        )
    )


async def measure(_request: web.Request) -> web.Response:
    """Answer with the metrics as Prometheus reads them."""
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
