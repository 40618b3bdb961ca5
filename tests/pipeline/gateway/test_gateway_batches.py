"""Batches, changes and ETags over HTTP: what is answered of each item stands in the log."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from gateway_process import GatewayProcess, TopicReader

from contex.log.partitioner import partition_for
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.registration import Registration, WebhookDelivery
from contex.records.schema_source import PinnedSchemas
from gateway.limits import BATCH_BYTES_MAX, BATCH_ITEMS_MAX
from topology.catalogue import PUBLICATIONS, REGISTRATIONS

JSON = {"Content-Type": "application/json"}


def value(project: str, data_key: str, data: object = 1) -> dict[str, object]:
    return {"project_id": project, "data_key": data_key, "data": data}


async def said(answer: aiohttp.ClientResponse, status: int = 200) -> dict[str, Any]:
    body = await answer.json()
    assert answer.status == status, f"expected {status}, got {answer.status}: {body}"
    return dict(body)


async def test_a_full_batch_stands_in_the_log_in_its_order(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    items = [value("batch", f"key-{n % 7}", {"n": n}) for n in range(BATCH_ITEMS_MAX)]
    items[3] = value("batch", "")
    async with http.post("/api/v1/batch/publish", json={"items": items}) as answer:
        body = await said(answer)
    assert (body["status"], body["total"], body["successful"], body["failed"]) == (
        "completed",
        500,
        499,
        1,
    )
    assert body["results"][3]["status"] == "failed"
    assert body["results"][3]["error"]["errors"][0]["field"] == "data_key"
    revisions: dict[str, list[int]] = {}
    for item, result in zip(items, body["results"], strict=True):
        assert (result["project_id"], result["data_key"]) == (item["project_id"], item["data_key"])
        if result["status"] == "success":
            assert result["sequence"] == str(result["revision"])
            revisions.setdefault(result["data_key"], []).append(result["revision"])
    assert all(one == sorted(set(one)) for one in revisions.values()), revisions
    present = await asyncio.to_thread(topic_reader.keys, PUBLICATIONS.name, 12)
    for data_key, offsets in revisions.items():
        key = f"acme/batch/{data_key}".encode()
        partition = partition_for(key, PUBLICATIONS.partitions)
        missing = {(key, partition, offset) for offset in offsets} - present
        assert not missing, f"expected every acknowledged item in the log, {missing} are not"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 422, "invalid-request"),
        (b"{}", 422, "invalid-request"),
        (json.dumps([value("limits", "k")] * (BATCH_ITEMS_MAX + 1)).encode(), 422, None),
        (b'["' + b"x" * BATCH_BYTES_MAX + b'"]', 413, "too-large"),
        (b'["' + b"x" * (BATCH_BYTES_MAX - 4) + b'"]', 200, None),
    ],
    ids=["empty", "no items", "too many", "too large", "just fits"],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_batch_is_bounded_as_a_whole(
    http: aiohttp.ClientSession, body: bytes, status: int, code: str | None, chunked: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2**20):
            yield body[start : start + 2**20]

    sent = chunks() if chunked else BytesIO(body)
    async with http.post("/api/v1/batch/publish", data=sent, headers=JSON) as answer:
        answered = await said(answer, status)
    assert code is None or answered["code"] == code


async def test_a_single_write_keeps_its_own_bound(http: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"data":"'
        for _ in range(3):
            yield b"x" * 2**20

    async with http.post("/api/v1/data/publish", data=chunks(), headers=JSON) as answer:
        assert (await said(answer, 413))["code"] == "too-large"


async def test_a_batch_of_agents_is_registered_and_read_at_once(
    http: aiohttp.ClientSession,
) -> None:
    agents = [
        {"agent_id": f"b{n}", "project_id": "agents-batch", "data_needs": ["anything"]}
        for n in range(20)
    ]
    agents[5] = {"agent_id": "b5", "project_id": "agents-batch"}
    async with http.post("/api/v1/batch/register", json=agents) as answer:
        body = await said(answer)
    assert (body["successful"], body["failed"]) == (19, 1)
    failed = body["results"][5]
    assert (failed["status"], failed["agent_id"]) == ("failed", "b5")
    assert failed["error"]["errors"][0]["field"] == "data_needs"
    async with http.get("/api/v1/agents", params={"project_id": "agents-batch"}) as answer:
        shown = {one["agent_id"]: one["epoch"] for one in (await said(answer))["agents"]}
    assert shown == {
        one["agent_id"]: one["epoch"] for one in body["results"] if one["status"] == "success"
    }


async def test_a_change_is_a_registration_that_keeps_the_sealed_secret(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    agent = {
        "agent_id": "changing",
        "project_id": "change",
        "data_needs": ["anything"],
        "notification_method": "webhook",
        "webhook_url": "https://example.com/hook",
    }
    async with http.post("/api/v1/agents/register", json=agent) as answer:
        first = await said(answer, 202)
    path = "/api/v1/agents/changing?project_id=change"
    async with http.patch(path, json={"token_budget": 9, "data_needs": ["other"]}) as answer:
        second = await said(answer, 202)
    assert second["epoch"] > first["epoch"]
    assert (second["notification_method"], "webhook_secret" in second) == ("webhook", False)
    key = b"acme/change/changing"
    partition = partition_for(key, REGISTRATIONS.partitions)

    def stored(epoch: int) -> Registration:
        message = topic_reader.at(REGISTRATIONS.name, partition, epoch)
        received = Received("", 0, 0, 0, message.key(), message.value(), message.headers())
        record = Codec(PinnedSchemas()).registration(received)
        assert isinstance(record, Registration)
        return record

    before, after = stored(first["epoch"]), stored(second["epoch"])
    assert isinstance(before.delivery, WebhookDelivery)
    assert after.delivery == before.delivery, "expected the very same sealed secret"
    assert ([need.text for need in after.needs], after.token_budget) == (["other"], 9)
    async with http.patch(path, json={"notification_method": "sse"}) as answer:
        assert (await said(answer, 202))["notification_method"] == "sse"
    for body, field in [({}, "body"), ({"webhook_url": "https://e.com"}, "webhook_url")]:
        async with http.patch(path, json=body) as answer:
            assert (await said(answer, 422))["errors"][0]["field"] == field
    async with http.patch("/api/v1/agents/nobody", json={"token_budget": 1}) as answer:
        await said(answer, 404)


async def test_concurrent_changes_of_one_agent_undo_none(http: aiohttp.ClientSession) -> None:
    agent = {"agent_id": "busy", "project_id": "change", "data_needs": ["a"], "token_budget": 1}
    async with http.post("/api/v1/agents/register", json=agent) as answer:
        await said(answer, 202)
    path = "/api/v1/agents/busy?project_id=change"

    async def change(body: dict[str, object]) -> int:
        async with http.patch(path, json=body) as answer:
            return int((await said(answer, 202))["epoch"])

    changes: list[dict[str, object]] = []
    for number in range(6):
        changes += [{"token_budget": 2 + number}, {"data_needs": [f"need {number}"]}]
    epochs = await asyncio.gather(*map(change, changes))
    assert len(set(epochs)) == 12
    async with http.get(path) as answer:
        shown = await said(answer)
    assert (shown["token_budget"], shown["data_needs"][0]["text"]) == (7, "need 5"), shown


async def test_what_the_caller_has_already_is_not_sent_again(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/data/publish", json=value("etag", "k", "text")) as answer:
        revision = (await said(answer, 202))["revision"]
    agent = {"agent_id": "e", "project_id": "etag", "data_needs": ["anything " * 200]}
    async with http.post("/api/v1/agents/register", json=agent) as answer:
        epoch = (await said(answer, 202))["epoch"]
    for path, number in [
        (f"/api/v1/projects/etag/data/k?revision={revision}", revision),
        ("/api/v1/agents/e?project_id=etag", epoch),
    ]:
        async with http.get(path, headers={"Accept-Encoding": "identity"}) as answer:
            assert (answer.status, answer.headers["ETag"]) == (200, f'"{number}"')
        async with http.get(path, headers={"If-None-Match": f'W/"{number}"'}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == f'"{number}"'
        async with http.get(path, headers={"If-None-Match": '"another"'}) as answer:
            assert answer.status == 200


async def test_a_larger_answer_travels_compressed(session_gateway: GatewayProcess) -> None:
    async with aiohttp.ClientSession(session_gateway.url, auto_decompress=False) as session:
        agent = {"agent_id": "z", "project_id": "zip", "data_needs": ["anything " * 200]}
        async with session.post("/api/v1/agents/register", json=agent):
            pass
        headers = {"Accept-Encoding": "gzip"}
        async with session.get("/api/v1/agents?project_id=zip", headers=headers) as answer:
            body = await answer.read()
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == (
        "gzip",
        "Accept-Encoding",
    )
    assert json.loads(gzip.decompress(body))["count"] == 1
