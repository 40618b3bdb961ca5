"""The process itself: health, metrics, and an end that finishes what was accepted."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway_feed import agent_key, following, register
from gateway_process import GatewayProcess, TopicReader, apply_topics
from processes import DEADLINE_S

from contex.local.kafka import Broker
from contex.log.partitioner import partition_for

StartGateway = Callable[..., GatewayProcess]


async def test_health_and_metrics_answer_without_a_name(
    http: aiohttp.ClientSession, session_gateway: GatewayProcess
) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        async with http.get(path) as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "ok")
    async with http.get("/nowhere-at-all") as answer:
        assert answer.status == 404
    async with http.get("/metrics") as answer:
        text = await answer.text()
    assert 'contex_http_requests_total{method="GET",route="/health/live",status="200"}' in text
    assert 'route="unknown",status="404"' in text
    assert "nowhere" not in text

    lines = [line for line in session_gateway.events("http.request") if line["status"] == 404]
    assert {"method", "route", "status", "duration_ms", "request_id"} <= lines[-1].keys()


async def test_sigterm_ends_streams_politely_and_loses_nothing_accepted(
    start_gateway: StartGateway, topic_reader: TopicReader
) -> None:
    gateway = start_gateway("leaving")
    agent = agent_key("leaving", "p", "listener")
    said = await register(gateway.url, agent)
    accepted: set[tuple[bytes, int, int]] = set()
    flowing = asyncio.Event()

    async def publish(session: aiohttp.ClientSession, worker: int) -> None:
        for number in range(1_000):
            data_key = f"{worker}-{number}"
            request = {"project_id": "p", "data_key": data_key, "data": number}
            try:
                async with session.post("/api/v1/data/publish", json=request) as answer:
                    revision = json.loads(await answer.read()).get("revision")
            except aiohttp.ClientError:
                return  # it has stopped listening
            key = f"leaving/p/{data_key}".encode()
            if answer.status == 202:
                accepted.add((key, partition_for(key, 12), revision))
            if len(accepted) >= 50:
                flowing.set()

    async with (
        aiohttp.ClientSession(gateway.url) as session,
        following(gateway.url, agent, cursor=said["cursor"]) as stream,
    ):
        workers = [asyncio.create_task(publish(session, worker)) for worker in range(8)]
        async with asyncio.timeout(DEADLINE_S):
            await flowing.wait()
        gateway.terminate()
        assert await stream.next() is None
        assert stream.comments[-1] == "closing"
        await asyncio.gather(*workers)
    status = await asyncio.to_thread(gateway.wait)

    assert status == 0, gateway.log()
    present = topic_reader.keys("contex.publications", 12)
    missing = accepted - present
    assert not missing, f"{len(missing)} of {len(accepted)} acknowledged records are missing"


async def readiness(session: aiohttp.ClientSession) -> dict[str, Any]:
    async with session.get("/health/ready") as answer:
        said: dict[str, Any] = json.loads(await answer.read())
    return said


@pytest.mark.promise(1)
async def test_a_publish_outlives_kill_9_of_the_broker(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "kafka")
    gateway = GatewayProcess(broker.bootstrap, tmp_path, tenant="t", settings={})
    try:
        await asyncio.to_thread(broker.start)
        apply_topics(broker.bootstrap)
        await asyncio.to_thread(gateway.start)
        broker.kill()
        async with aiohttp.ClientSession(gateway.url) as session:
            request = {"project_id": "p", "data_key": "k", "data": 1}
            publishing = asyncio.create_task(session.post("/api/v1/data/publish", json=request))
            async with asyncio.timeout(DEADLINE_S):  # an answer is good for a second
                while (await readiness(session))["checks"]["kafka"]:
                    pass
            await asyncio.to_thread(broker.start)
            async with await publishing as answer:
                said = await answer.json()
        assert answer.status == 202, said
        reader = TopicReader(broker.bootstrap)
        present = reader.keys("contex.publications", 12)
        reader.close()
        assert (b"t/p/k", partition_for(b"t/p/k", 12), said["revision"]) in present
    finally:
        gateway.kill()
        broker.kill()


async def test_without_a_cluster_it_lives_but_is_not_ready_and_says_so(tmp_path: Path) -> None:
    gateway = GatewayProcess("127.0.0.1:1", tmp_path, tenant="t", settings={})
    try:
        await asyncio.to_thread(gateway.start, "/health/live")
        async with aiohttp.ClientSession(gateway.url) as session:
            ready = await readiness(session)
            async with session.get("/api/v1/agents") as refused:
                pass
    finally:
        gateway.kill()
    assert (ready["status"], ready["checks"]["kafka"]) == (503, False)
    assert "kafka" in ready["detail"]
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


async def test_missing_topics_end_the_process_and_are_named(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "kafka")
    await asyncio.to_thread(broker.start)
    gateway = GatewayProcess(broker.bootstrap, tmp_path, tenant="t", settings={})
    try:
        await asyncio.to_thread(gateway.start, "/health/live")
        status = await asyncio.to_thread(gateway.wait)
    finally:
        gateway.kill()
        broker.kill()
    assert status == 1
    (failed,) = gateway.events("gateway.failed")
    assert "contex.updates" in failed["error"], failed
