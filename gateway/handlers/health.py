"""Is it alive, is it ready, what does it measure."""

from aiohttp import web

from contex.telemetry import metrics
from gateway.answers import Alive, Ready
from gateway.handlers.answers import HOUSE, json_answer
from gateway.problems import Refusal, not_ready


async def live(_request: web.Request) -> web.Response:
    """Answer 200 for as long as the event loop turns."""
    return json_answer(Alive(status="ok"))


async def ready(request: web.Request) -> web.Response:
    """Answer 200 when everything that requests need is there, else 503 saying what is not."""
    checks = await request.app[HOUSE].checks()
    if all(checks.values()):
        return json_answer(Ready(status="ok", checks=dict(checks)))
    raise Refusal(not_ready(checks))


async def measure(_request: web.Request) -> web.Response:
    """Answer with the metrics as Prometheus reads them."""
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
