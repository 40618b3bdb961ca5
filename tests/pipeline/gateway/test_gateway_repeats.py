"""Writes that are repeated: nothing acknowledged is lost, and one key makes one event."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from gateway_process import GatewayProcess
from product import read_topic

from contex.log.partitioner import partition_for
from contex.records.message import Received
from topology.catalogue import PUBLICATIONS, REGISTRATIONS

PUBLISHERS = 64
PUBLISHES_EACH = 8
CUT_OFF_S_MAX = 0.02
PATIENCE_S = 120.0
KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SEED = 20_261_121


def records(bootstrap: str, topic: str, prefix: str) -> list[Received]:
    """Return the records whose key begins so."""
    everything = read_topic(bootstrap, topic, PUBLICATIONS.partitions)
    return [
        one for one in everything if one.key is not None and one.key.startswith(prefix.encode())
    ]


def event_of(received: Received) -> str:
    return dict(received.headers)["ce_id"].decode()


def value(project: str, data_key: str, data: object = 1) -> dict[str, object]:
    return {"project_id": project, "data_key": data_key, "data": data}


async def said(answer: aiohttp.ClientResponse, status: int = 202) -> dict[str, Any]:
    body = await answer.json()
    assert answer.status == status, f"expected {status}, got {answer.status}: {body}"
    return dict(body)


class Publisher:
    """One client of its own that is cut off again and again, and repeats until it is answered."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._number = number
        self._random = random.Random(SEED + number)
        self.cut_offs = 0
        self.acknowledged: dict[str, tuple[bytes, int]] = {}

    async def run(self) -> None:
        async with aiohttp.ClientSession(self._url) as session:
            for turn in range(PUBLISHES_EACH):
                await self._until_answered(session, turn)

    async def _until_answered(self, session: aiohttp.ClientSession, turn: int) -> None:
        data_key = f"key-{self._number % 16}"
        body = value("hammer", data_key, {"publisher": self._number, "turn": turn})
        headers = {KEY: f"hammer-{self._number}-{turn}"}
        patience_s = self._random.uniform(0, CUT_OFF_S_MAX)
        while True:
            try:
                async with (
                    asyncio.timeout(patience_s),
                    session.post("/api/v1/data/publish", json=body, headers=headers) as answer,
                ):
                    answered = await said(answer)
            except (TimeoutError, aiohttp.ClientError):
                self.cut_offs += 1
                patience_s = patience_s * 2 + 0.01
                continue
            place = f"acme/hammer/{data_key}".encode(), answered["revision"]
            self.acknowledged[answered["event_id"]] = place
            return


async def test_64_concurrent_publishers_lose_nothing_and_double_nothing(
    session_gateway: GatewayProcess, topics: str, figure: Callable[[str], None]
) -> None:
    publishers = [Publisher(session_gateway.url, number) for number in range(PUBLISHERS)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(publisher.run() for publisher in publishers))

    acknowledged = {event: at for one in publishers for event, at in one.acknowledged.items()}
    written = await asyncio.to_thread(records, topics, PUBLICATIONS.name, "acme/hammer/")
    present = {event_of(one): (one.key, one.offset) for one in written}
    cut_offs = sum(one.cut_offs for one in publishers)
    figure(f"{len(acknowledged)} acknowledged, {cut_offs} cut off, {len(written)} records")
    assert len(acknowledged) == PUBLISHERS * PUBLISHES_EACH
    assert cut_offs > 0, "expected that some were cut off; the test shows nothing otherwise"
    lost = {event for event, at in acknowledged.items() if present.get(event) != at}
    assert not lost, f"expected every acknowledged revision in the log, {len(lost)} are not"
    doubled = [event for event, times in Counter(map(event_of, written)).items() if times > 1]
    assert not doubled, f"expected one record per key, {len(doubled)} have more"


async def test_the_same_key_ten_times_at_once_makes_one_event(
    http: aiohttp.ClientSession, topics: str
) -> None:
    async def publish() -> tuple[dict[str, Any], str | None]:
        async with http.post(
            "/api/v1/data/publish", json=value("ten", "k"), headers={KEY: "ten"}
        ) as answer:
            return await said(answer), answer.headers.get(REPLAYED)

    answers = await asyncio.gather(*(publish() for _ in range(10)))

    written = await asyncio.to_thread(records, topics, PUBLICATIONS.name, "acme/ten/")
    assert len(written) == 1, f"expected one record, got {len(written)}"
    assert {str(body) for body, _ in answers} == {str(answers[0][0])}
    assert answers[0][0]["event_id"] == event_of(written[0])
    assert Counter(replayed for _, replayed in answers) == {None: 1, "true": 9}


async def test_a_cut_off_write_completes_and_its_repeat_is_answered(
    session_gateway: GatewayProcess, topics: str
) -> None:
    async def publish(session: aiohttp.ClientSession, number: int) -> None:
        async with session.post(
            "/api/v1/data/publish", json=value("cut", f"k{number}"), headers={KEY: f"c{number}"}
        ) as answer:
            await said(answer)

    for number in range(20):
        async with aiohttp.ClientSession(session_gateway.url) as session:
            with suppress(TimeoutError):
                await asyncio.wait_for(publish(session, number), number / 4_000)
    async with aiohttp.ClientSession(session_gateway.url) as session:
        await asyncio.gather(*(publish(session, number) for number in range(20)))
    written = await asyncio.to_thread(records, topics, PUBLICATIONS.name, "acme/cut/")
    assert Counter(one.key for one in written) == {
        f"acme/cut/k{number}".encode(): 1 for number in range(20)
    }


async def test_a_key_stands_for_one_request_alone(http: aiohttp.ClientSession) -> None:
    headers = {KEY: '"mine"'}
    async with http.post(
        "/api/v1/data/publish", json=value("reuse", "k"), headers=headers
    ) as answer:
        await said(answer)
    path = "/api/v1/projects/reuse/data/k"
    for method, target, body in [
        ("POST", "/api/v1/data/publish", value("reuse", "k", 2)),
        ("POST", "/api/v1/batch/publish", value("reuse", "k")),
        ("DELETE", path, None),
    ]:
        async with http.request(method, target, json=body, headers={KEY: "mine"}) as answer:
            problem = await said(answer, 422)
        assert problem["code"] == "idempotency-key-reused", (method, target)
    for key in ("", "x" * 256, "with space"):
        async with http.delete(path, headers={KEY: key}) as answer:
            problem = await said(answer, 422)
        assert problem["errors"][0]["field"] == KEY


async def test_what_was_refused_is_tried_anew(http: aiohttp.ClientSession) -> None:
    for data, status in [("a: [", 422), ("a: [", 422)]:
        body = {**value("refused", "k", data), "data_format": "yaml"}
        async with http.post("/api/v1/data/publish", json=body, headers={KEY: "anew"}) as answer:
            await said(answer, status)
            assert REPLAYED not in answer.headers
    async with http.post(
        "/api/v1/data/publish", json=value("refused", "k"), headers={KEY: "anew"}
    ) as answer:
        await said(answer)


async def test_every_write_takes_a_key(http: aiohttp.ClientSession, topics: str) -> None:
    agent = {"agent_id": "twice", "project_id": "every", "data_needs": ["anything"]}
    hook = {
        **agent,
        "agent_id": "hook",
        "notification_method": "webhook",
        "webhook_url": "https://example.com/hook",
    }
    here = "/api/v1/agents/twice?project_id=every"
    writes: list[tuple[str, str, object, int]] = [
        ("POST", "/api/v1/agents/register", agent, 202),
        ("PATCH", here, {"token_budget": 9}, 202),
        ("POST", "/api/v1/batch/register", [hook], 200),
        ("POST", "/api/v1/batch/publish", [value("every", "b"), {}], 200),
        ("DELETE", "/api/v1/projects/every/data/b", None, 202),
        ("DELETE", here, None, 202),
    ]
    for number, (method, path, body, status) in enumerate(writes):
        answers = []
        for _ in range(2):
            async with http.request(
                method, path, json=body, headers={KEY: f"every-{number}"}
            ) as answer:
                answers.append((await said(answer, status), answer.headers.get(REPLAYED)))
        assert answers[0] == (answers[1][0], None), f"{method} {path}"
        assert answers[1][1] == "true", f"{method} {path}"
        if method == "POST" and path.endswith("batch/register"):
            assert answers[1][0]["results"][0]["webhook_secret"].startswith("whsec_")
    for topic, expected in [(PUBLICATIONS.name, 2), (REGISTRATIONS.name, 4)]:
        written = await asyncio.to_thread(records, topics, topic, "acme/every/")
        assert len(written) == expected, f"expected {expected} in {topic}, got {len(written)}"


async def test_a_repeat_at_another_gateway_is_the_same_event(
    http: aiohttp.ClientSession, topics: str, start_gateway: Any
) -> None:
    batch = [value("far", "a"), value("far", "b")]
    other = start_gateway("acme")
    async with aiohttp.ClientSession(other.url) as session:
        for client in (http, session):
            async with client.post(
                "/api/v1/data/publish", json=value("far", "k"), headers={KEY: "far"}
            ) as answer:
                await said(answer)
                assert REPLAYED not in answer.headers
            async with client.post(
                "/api/v1/batch/publish", json=batch, headers={KEY: "far-batch"}
            ) as answer:
                await said(answer, 200)
    written = await asyncio.to_thread(records, topics, PUBLICATIONS.name, "acme/far/")
    events: dict[bytes | None, list[str]] = {}
    for one in written:
        events.setdefault(one.key, []).append(event_of(one))
        assert one.partition == partition_for(one.key or b"", PUBLICATIONS.partitions)
    assert sorted(len(ids) for ids in events.values()) == [2, 2, 2]
    assert all(len(set(ids)) == 1 for ids in events.values()), events
    assert len({ids[0] for ids in events.values()}) == 3, events
