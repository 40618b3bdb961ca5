"""The health server answers what the checks say."""

import urllib.error
import urllib.request

import aiohttp
import pytest

from contex.telemetry.health import HealthServer


async def get(server: HealthServer, path: str) -> tuple[int, object]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as answer,
    ):
        return answer.status, await answer.json()


async def test_each_check_is_named_and_one_failure_is_503() -> None:
    ready = {"kafka": True, "index": False}
    server = HealthServer(0, live=lambda: {"loop": True}, ready=lambda: ready, host="127.0.0.1")
    async with server:
        assert await get(server, "/health/live") == (
            200,
            {"status": "ok", "checks": {"loop": True}},
        )
        assert await get(server, "/health/ready") == (
            503,
            {"status": "unavailable", "checks": {"kafka": True, "index": False}},
        )
        ready["index"] = True
        assert (await get(server, "/health/ready"))[0] == 200


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    server = HealthServer(0, live=dict, ready=dict, host="127.0.0.1")
    async with (
        server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "contex_routed_values_total" in await answer.text()


async def test_it_answers_while_the_event_loop_hangs() -> None:
    server = HealthServer(0, live=lambda: {"loop": False}, ready=dict, host="127.0.0.1")
    async with server:
        with (  # on purpose in the loop: it hangs while the answer is awaited
            pytest.raises(urllib.error.HTTPError) as raised,
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health/live", timeout=10),  # noqa: ASYNC210 - as above
        ):
            pytest.fail("expected 503, got 200")
        raised.value.close()
        assert raised.value.code == 503


async def test_a_taken_port_is_told() -> None:
    async with HealthServer(0, live=dict, ready=dict, host="127.0.0.1") as server:
        with pytest.raises(OSError, match="address already in use"):
            await HealthServer(server.port, live=dict, ready=dict, host="127.0.0.1").start()


async def test_a_stopped_server_listens_no_more() -> None:
    server = HealthServer(0, live=dict, ready=dict, host="127.0.0.1")
    await server.start()
    await server.stop()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(server, "/health/live")
