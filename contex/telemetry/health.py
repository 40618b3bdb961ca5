"""A worker's small HTTP server: is it alive, is it ready, what does it measure.

Decides only how the answers look; the checks are handed in. Liveness answers "should I be killed",
readiness "may I be given work": 200 when every named check holds, 503 when one does not. It runs in
a thread of its own, so that it also answers while the worker's event loop hangs.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

import orjson
from aiohttp import web

from contex.telemetry import metrics

SHUTDOWN_TIMEOUT_S = 1.0

Checks = Callable[[], Mapping[str, bool]]
"""Names each condition and says whether it holds now; must neither block nor raise, and is called
from another thread."""


@dataclass(frozen=True, slots=True)
class _Listening:
    """What the thread tells once it listens."""

    port: int
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class HealthServer:
    """Serves `/health/live`, `/health/ready` and `/metrics`; use as an async context manager.

    Args:
        port: where to listen; 0 lets the system choose, see `port` once started.
        live: the checks of liveness.
        ready: the checks of readiness.
        host: the address to listen on.
    """

    def __init__(self, port: int, *, live: Checks, ready: Checks, host: str = "0.0.0.0") -> None:  # noqa: S104 - probes come from outside the container
        self._host = host
        self._port = port
        self._live = live
        self._ready = ready
        self._thread: threading.Thread | None = None
        self._listening: Future[_Listening] = Future()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._listening = Future()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._thread.start()
        self._port = (await asyncio.wrap_future(self._listening)).port

    async def stop(self) -> None:
        """Stop listening."""
        thread, self._thread = self._thread, None
        if thread is not None:
            listening = self._listening.result()
            listening.loop.call_soon_threadsafe(listening.stop.set)
            await asyncio.to_thread(thread.join)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._listening.set_exception(error)

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/health/live", self._answer_live)
        app.router.add_get("/health/ready", self._answer_ready)
        app.router.add_get("/metrics", _answer_metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
            stop = asyncio.Event()
            port = runner.addresses[0][1]
            self._listening.set_result(_Listening(port, asyncio.get_running_loop(), stop))
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _answer_live(self, _request: web.Request) -> web.Response:
        return _answer(self._live())

    async def _answer_ready(self, _request: web.Request) -> web.Response:
        return _answer(self._ready())


def _answer(checks: Mapping[str, bool]) -> web.Response:
    healthy = all(checks.values())
    body = {"status": "ok" if healthy else "unavailable", "checks": dict(checks)}
    return web.Response(
        status=200 if healthy else 503,
        body=orjson.dumps(body),
        content_type="application/json",
    )


async def _answer_metrics(_request: web.Request) -> web.Response:
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
