"""Accepted means acknowledged: what a 202 says really stands in the log."""

import asyncio
import json
from urllib.parse import quote

import aiohttp
import pytest
from gateway_process import GatewayProcess, TopicReader
from yarl import URL

from contex.log.partitioner import partition_for
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.publication import Publication
from contex.records.schema_source import PinnedSchemas

PUBLICATIONS = "contex.publications"
PARTITIONS = 12
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def decode(message: object) -> Publication:
    record = Codec(PinnedSchemas()).publication(
        Received(PUBLICATIONS, 0, 0, 0, message.key(), message.value(), message.headers())  # type: ignore[attr-defined]
    )
    assert isinstance(record, Publication)
    return record


async def test_an_acknowledged_publish_stands_in_the_topic(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    async with http.post(
        "/api/v1/data/publish",
        json={
            "project_id": "publish",
            "data_key": "teams/platform é",
            "data": {"big": 2**70, "text": "naïve"},
            "event_type": "team_updated",
            "metadata": {"source": "test"},
        },
        headers={"traceparent": TRACE, "X-Request-ID": "mine-1"},
    ) as answer:
        said = await answer.json()

    assert (answer.status, answer.headers["X-Request-ID"]) == (202, "mine-1")
    key = "acme/publish/teams/platform é".encode()
    partition = partition_for(key, PARTITIONS)
    message = topic_reader.at(PUBLICATIONS, partition, said["revision"])
    headers = dict(message.headers())
    record = decode(message)
    assert message.key() == key
    assert headers["ce_id"].decode() == said["event_id"]
    assert headers["ce_type"] == b"contex.value.published"
    assert headers["ce_subject"] == "teams/platform é".encode()
    assert headers["traceparent"] == TRACE.encode()
    assert json.loads(record.value.content) == {"big": 2**70, "text": "naïve"}
    assert record.value.content_type == "application/json"
    assert (record.event_type, record.value.metadata) == ("team_updated", {"source": "test"})
    assert said == {
        "status": "published",
        "project_id": "publish",
        "data_key": "teams/platform é",
        "sequence": str(said["revision"]),
        "revision": said["revision"],
        "event_id": said["event_id"],
    }


@pytest.mark.parametrize(
    ("data", "data_format", "content", "content_type"),
    [
        ("a = 1\n", "toml", b"a = 1\n", "application/toml"),
        ("just words", None, b"just words", None),
        ([1, {"a": None}], None, b'[1,{"a":null}]', "application/json"),
        (None, None, b"null", "application/json"),
        ("[1, 2]", "json", b"[1, 2]", "application/json"),
    ],
)
async def test_a_value_is_stored_as_it_was_sent(
    http: aiohttp.ClientSession,
    topic_reader: TopicReader,
    data: object,
    data_format: str | None,
    content: bytes,
    content_type: str | None,
) -> None:
    request = {"project_id": "forms", "data_key": "k", "data": data, "data_format": data_format}
    async with http.post("/api/v1/data/publish", json=request) as answer:
        said = await answer.json()

    assert answer.status == 202, said
    partition = partition_for(b"acme/forms/k", PARTITIONS)
    value = decode(topic_reader.at(PUBLICATIONS, partition, said["revision"])).value
    assert (value.content, value.content_type) == (content, content_type)


async def test_64_concurrent_publishes_are_all_acknowledged_and_present(
    http: aiohttp.ClientSession, topic_reader: TopicReader
) -> None:
    async def publish(number: int) -> tuple[bytes, int, int]:
        request = {"project_id": "many", "data_key": f"key-{number}", "data": {"n": number}}
        async with http.post("/api/v1/data/publish", json=request) as answer:
            said = await answer.json()
            assert answer.status == 202, said
        key = f"acme/many/key-{number}".encode()
        return key, partition_for(key, PARTITIONS), said["revision"]

    acknowledged = await asyncio.gather(*(publish(number) for number in range(64)))

    present = topic_reader.keys(PUBLICATIONS, PARTITIONS)
    missing = set(acknowledged) - present
    assert not missing, f"expected all 64 acknowledged records in the topic, {missing} are not"


@pytest.mark.parametrize("data_key", ["plain", "a/b/c", "with space/é", "100%/x?y#z", "a//b", "+"])
async def test_a_deletion_is_a_tombstone_of_that_key(
    http: aiohttp.ClientSession, topic_reader: TopicReader, data_key: str
) -> None:
    path = f"/api/v1/projects/tombs/data/{quote(data_key, safe='')}"
    async with http.delete(URL(path, encoded=True)) as answer:
        said = await answer.json()

    assert (answer.status, said["data_key"]) == (202, data_key)
    key = f"acme/tombs/{data_key}".encode()
    message = topic_reader.at(PUBLICATIONS, partition_for(key, PARTITIONS), said["revision"])
    assert (message.key(), message.value()) == (key, None)
    assert dict(message.headers())["ce_type"] == b"contex.value.deleted"


async def test_a_revision_is_answered_byte_for_byte_and_no_other(
    http: aiohttp.ClientSession, session_gateway: GatewayProcess
) -> None:
    revisions = []
    for data in ("<script>alert(1)</script>", "second"):
        request = {"project_id": "reads", "data_key": "a/page", "data": data}
        async with http.post("/api/v1/data/publish", json=request) as answer:
            revisions.append((await answer.json())["revision"])
    path = "/api/v1/projects/reads/data/a/page"

    async with http.get(path, params={"revision": revisions[0]}) as answer:
        body = await answer.read()
    assert (answer.status, body) == (200, b"<script>alert(1)</script>")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Content-Disposition"].startswith("attachment")

    for wrong, expected in [
        (f"{path}?revision={revisions[1] + 1_000_000}", 404),
        (f"/api/v1/projects/reads/data/other?revision={revisions[0]}", 404),
        (f"/api/v1/projects/other/data/a/page?revision={revisions[0]}", 404),
        (f"{path}?revision=-1", 422),
    ]:
        async with http.get(f"{session_gateway.url}{wrong}") as answer:
            assert (answer.status, answer.content_type) == (
                expected,
                "application/problem+json",
            ), f"expected {expected} for {wrong}, got {answer.status}: {await answer.text()}"
