"""A webhook endpoint that behaves as it is told, and verifies what it is sent.

Each path behaves by its own script; every request is verified by the off-the-shelf library.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from contex.client import InvalidWebhook, verify_webhook

SECRET = "whsec_bW9yZSB0aGFuIHR3ZW50eS1mb3VyIGJ5dGVz"


@dataclass(frozen=True)
class Delivered:
    """One request: `payload` is None where the signature did not hold."""

    path: str
    webhook_id: str
    at_s: float
    payload: Any


@dataclass
class Receiver:
    """What came in, and what each path answers."""

    url: str = ""
    requests: list[Delivered] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    delay_s: float = 0.0
    under_way: int = 0
    peak: int = 0

    def at(self, path: str) -> list[Delivered]:
        """Return the requests to one path, in order."""
        return [one for one in self.requests if one.path == path]

    def answer(self, path: str, *statuses: int, **headers: str) -> None:
        """Let a path answer these statuses in turn, and 200 from then on."""
        self.answers[path] = list(statuses)
        self.headers[path] = {name.replace("_", "-"): text for name, text in headers.items()}

    async def handle(self, request: web.Request) -> web.Response:
        """Verify, note, wait and answer."""
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        try:
            body = await request.read()
            webhook_id = request.headers.get("webhook-id", "")
            payload = _verified(body, dict(request.headers))
            self.requests.append(Delivered(request.path, webhook_id, time.time(), payload))
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
        finally:
            self.under_way -= 1
        statuses = self.answers[request.path]
        status = statuses.pop(0) if statuses else 200
        headers = self.headers.get(request.path, {}) if status != 200 else {}
        return web.Response(status=status, text="noted", headers=headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve on a free port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def _verified(body: bytes, headers: dict[str, str]) -> Any:
    """Return the payload if the off-the-shelf library takes it; ours must take the same."""
    try:
        payload = Webhook(SECRET).verify(body, headers)
    except WebhookVerificationError:
        with pytest.raises(InvalidWebhook):
            verify_webhook(body, headers, SECRET)
        return None
    assert verify_webhook(body, headers, SECRET).update_id == payload["data"]["update_id"]
    return payload
