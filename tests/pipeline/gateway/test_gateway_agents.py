"""Agents over HTTP: registered, found, listed, gone; a secret is shown once and sealed."""

from typing import Any

import aiohttp
import pytest
from gateway_process import TopicReader

from contex.log.partitioner import partition_for
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.registration import Registration, WebhookDelivery
from contex.records.schema_source import PinnedSchemas
from contex.webhooks.secrets import SecretBox

REGISTER = "/api/v1/agents/register"
REGISTRATIONS = "contex.registrations"
PARTITIONS = 12
SECRET_KEY = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleTE="
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


async def register(http: aiohttp.ClientSession, **request: Any) -> dict[str, Any]:
    async with http.post(REGISTER, json={"data_needs": ["anything"], **request}) as answer:
        said: dict[str, Any] = await answer.json()
        assert answer.status == 202, said
    return said


def stored(topic_reader: TopicReader, key: bytes, epoch: int) -> Registration:
    message = topic_reader.at(REGISTRATIONS, partition_for(key, PARTITIONS), epoch)
    received = Received(REGISTRATIONS, 0, 0, 0, message.key(), message.value(), message.headers())
    record = Codec(PinnedSchemas()).registration(received)
    assert isinstance(record, Registration)
    return record


async def test_an_acknowledged_registration_stands_in_the_topic(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    key = b"acme/agents/reader"
    partition = partition_for(key, PARTITIONS)
    end = topic_reader.end("contex.updates", partition)
    needs = ["who is on call", {"text": "releases", "threshold": 0.5}]

    said = await register(
        http, agent_id="reader", project_id="agents", data_needs=needs, token_budget=9
    )

    assert said == {
        "status": "registered",
        "agent_id": "reader",
        "project_id": "agents",
        "epoch": said["epoch"],
        "cursor": f"{partition}:{end}",
        "notification_method": "sse",
        "updates_url": "/api/v1/agents/reader/updates?project_id=agents",
    }
    record = stored(topic_reader, key, said["epoch"])
    assert [(need.text, need.threshold) for need in record.needs] == [
        ("who is on call", 0.34),
        ("releases", 0.5),
    ]
    assert record.token_budget == 9


async def test_a_generated_secret_is_shown_once_and_sealed_in_the_log(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    hook = {"notification_method": "webhook", "webhook_url": "https://example.com/hook"}
    said = await register(http, agent_id="hooked", project_id="agents", **hook)
    brought = await register(
        http, agent_id="brought", project_id="agents", webhook_secret=SECRET, **hook
    )

    async with http.get("/api/v1/agents/hooked", params={"project_id": "agents"}) as answer:
        shown = await answer.text()
    for agent_id, epoch, secret in (
        ("hooked", said["epoch"], said["webhook_secret"]),
        ("brought", brought["epoch"], SECRET),
    ):
        delivery = stored(topic_reader, f"acme/agents/{agent_id}".encode(), epoch).delivery
        assert isinstance(delivery, WebhookDelivery)
        assert secret not in delivery.sealed_secret
        assert SecretBox(SECRET_KEY).open(delivery.sealed_secret) == secret
        assert secret not in shown
        assert delivery.sealed_secret not in shown
    assert "webhook_secret" not in brought
    assert "https://example.com/hook" in shown


async def test_a_write_is_read_at_once(http: aiohttp.ClientSession) -> None:
    for number in range(10):
        agent_id = f"quick-{number}"
        said = await register(http, agent_id=agent_id, project_id="quick")
        path = f"/api/v1/agents/{agent_id}"
        async with http.get(path, params={"project_id": "quick"}) as answer:
            assert (answer.status, (await answer.json())["epoch"]) == (200, said["epoch"])
        async with http.delete(path, params={"project_id": "quick"}) as answer:
            assert (answer.status, (await answer.json())["status"]) == (202, "unregistered")
        async with http.get(path, params={"project_id": "quick"}) as answer:
            assert answer.status == 404


async def test_what_one_gateway_acknowledged_another_finds(
    http: aiohttp.ClientSession, start_gateway: Any
) -> None:
    other = start_gateway("acme")
    async with aiohttp.ClientSession(other.url) as session:
        for number in range(10):
            await register(http, agent_id=f"shared-{number}", project_id="shared")
            path = f"/api/v1/agents/shared-{number}{'?project_id=shared' if number % 2 else ''}"
            async with session.get(path) as answer:
                assert answer.status == 200, await answer.text()


async def test_an_ambiguous_agent_asks_for_its_project(http: aiohttp.ClientSession) -> None:
    await register(http, agent_id="twin", project_id="one")
    async with http.get("/api/v1/agents/twin") as answer:
        assert (answer.status, (await answer.json())["project_id"]) == (200, "one")
    await register(http, agent_id="twin", project_id="two")
    async with http.get("/api/v1/agents/twin") as answer:
        said = await answer.json()
    assert (answer.status, said["errors"][0]["field"]) == (422, "project_id")
    async with http.get("/api/v1/agents/twin?project_id=two") as answer:
        assert (await answer.json())["project_id"] == "two"


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_pages_hold_every_agent_once(http: aiohttp.ClientSession, limit: int) -> None:
    for number in range(7):
        await register(http, agent_id=f"paged-{number}", project_id=f"pages-{limit}")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"project_id": f"pages-{limit}", "limit": str(limit), **cursor}
        async with http.get("/api/v1/agents", params=params) as answer:
            page = await answer.json()
        assert page["count"] == len(page["agents"]) <= limit
        found += [agent["agent_id"] for agent in page["agents"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == [f"paged-{number}" for number in range(7)]
