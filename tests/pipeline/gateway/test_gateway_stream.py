"""Streams: what is written to an agent's feed reaches it, in order, without gap or repeat."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from gateway_feed import UPDATES, EventStream, FeedWriter, agent_key, following, register, update
from gateway_process import GatewayProcess, TopicReader

from contex.log.partitioner import partition_for
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.registration import Registration
from contex.records.schema_source import PinnedSchemas
from contex.records.update import UpdateKind

PARTITIONS = 12
StartGateway = Callable[..., GatewayProcess]


@pytest.fixture
async def writer(topics: str) -> AsyncIterator[FeedWriter]:
    async with FeedWriter.connected(topics) as connected:
        yield connected


def revisions(events: list[Any]) -> list[int]:
    return [event.revision for event in events]


async def test_a_connected_agent_is_told_in_order_and_nobody_else(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agent = agent_key("acme", "live", "listener")
    said = await register(session_gateway.url, agent)
    other = agent_key("acme", "live", "somebody-else")
    kinds = list(UpdateKind)

    async with following(session_gateway.url, agent, cursor=said["cursor"]) as stream:
        for number in range(50):
            kind = kinds[number % len(kinds)]
            (receipt,) = await writer.write(update(agent, said["epoch"], number, kind=kind))
            await writer.write(update(other, 0, number))
        events = await stream.take(50)

    assert revisions(events) == list(range(50))
    assert [event.name for event in events] == [kinds[n % len(kinds)].value for n in range(50)]
    assert events[0].data["data"]["items"][0]["data"] == {"a": 1}
    assert events[-1].cursor == f"{receipt.partition}:{receipt.offset + 1}"


async def test_what_was_written_before_the_agent_connected_is_told_first(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agent = agent_key("acme", "live", "late")
    said = await register(session_gateway.url, agent)
    await writer.write(*(update(agent, said["epoch"], number) for number in range(700)))

    for cursor in (said["cursor"], None):
        async with following(session_gateway.url, agent, cursor=cursor) as stream:
            events = await stream.take(700)
            await writer.write(update(agent, said["epoch"], 1_000))
            live = await stream.take(1)
        assert revisions(events) == list(range(700))
        assert [n for n in revisions(live) if n >= 1_000] == [1_000]


async def test_updates_of_older_registrations_are_not_told(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agent = agent_key("acme", "live", "again")
    first = await register(session_gateway.url, agent)
    await writer.write(update(agent, first["epoch"], 1))
    second = await register(session_gateway.url, agent)
    await writer.write(update(agent, first["epoch"], 2), update(agent, second["epoch"], 3))

    async with following(session_gateway.url, agent, cursor=first["cursor"]) as stream:
        assert revisions(await stream.take(1)) == [3]
        third = await register(session_gateway.url, agent)
        await writer.write(
            update(agent, second["epoch"], 4),
            update(agent, third["epoch"], 5),
            update(agent, second["epoch"], 6),
            update(agent, third["epoch"], 7),
        )
        assert revisions(await stream.take(3)) == [4, 5, 7]


async def test_a_poison_record_is_passed_over(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agent = agent_key("acme", "live", "poisoned")
    said = await register(session_gateway.url, agent)
    await writer.write_bytes(agent, b"no update")
    await writer.write(update(agent, said["epoch"], 1))
    async with following(session_gateway.url, agent) as stream:
        await writer.write_bytes(agent, b"no update")
        await writer.write(update(agent, said["epoch"], 2))
        assert revisions(await stream.take(2)) == [1, 2]


async def test_connecting_amid_a_flow_leaves_no_gap_and_no_repeat(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agents = [agent_key("acme", "flow", f"agent-{number}") for number in range(8)]
    said = [await register(session_gateway.url, agent) for agent in agents]
    total = 400

    async def flow() -> None:
        for number in range(total):
            pairs = zip(agents, said, strict=True)
            await writer.write(*(update(agent, one["epoch"], number) for agent, one in pairs))

    async def follow(index: int) -> list[int]:
        found: list[int] = []
        cursor = said[index]["cursor"]
        while len(found) < total:  # connects again after every 60 events
            async with following(session_gateway.url, agents[index], cursor=cursor) as stream:
                for event in await stream.take(min(60, total - len(found))):
                    found.append(event.revision)
                    cursor = event.cursor
        return found

    flowing = asyncio.create_task(flow())
    told = await asyncio.gather(*(follow(index) for index in range(len(agents))))
    await flowing

    for index, found in enumerate(told):
        assert found == list(range(total)), f"agent {index} was told {found}"


@pytest.mark.promise(5)
async def test_a_feed_resumes_after_kill_9_without_gap_or_repeat(
    start_gateway: StartGateway, writer: FeedWriter
) -> None:
    gateway = start_gateway("killed")
    agent = agent_key("killed", "live", "survivor")
    said = await register(gateway.url, agent)
    total, kills = 600, 3
    found: list[int] = []
    resumed_from: list[str] = []

    async def flow() -> None:
        for number in range(total):
            await writer.write(update(agent, said["epoch"], number))
            await asyncio.sleep(0.005)

    async def read(stream: EventStream, count_max: int) -> str:
        try:
            while len(found) < count_max and (event := await stream.next()) is not None:
                found.append(event.revision)
        except aiohttp.ClientError:
            pass  # the gateway was killed
        return stream.last_event_id

    flowing = asyncio.create_task(flow())
    cursor = said["cursor"]
    for kill in range(kills):
        async with following(gateway.url, agent, last_event_id=cursor) as stream:
            cursor = await read(stream, (kill + 1) * 100)
            gateway.kill()
            cursor = await read(stream, total)
        resumed_from.append(cursor)
        await asyncio.to_thread(gateway.start)
    async with following(gateway.url, agent, last_event_id=cursor) as stream:
        await read(stream, total)
    await flowing

    assert len(set(resumed_from)) == kills, f"expected {kills} cursors, got {resumed_from}"
    assert found == list(range(total)), f"expected 0 to {total - 1} once each, got {found}"


async def test_a_cursor_beyond_retention_is_reset_and_the_agent_registered_again(
    session_gateway: GatewayProcess, topics: str, writer: FeedWriter, topic_reader: TopicReader
) -> None:
    agent = agent_key("acme", "forgotten", "sleeper")
    said = await register(session_gateway.url, agent, ["first need", "second need"])
    (receipt,) = await writer.write(update(agent, said["epoch"], 1))
    place = TopicPartition(UPDATES, receipt.partition, receipt.offset + 1)
    admin = AdminClient({"bootstrap.servers": topics})
    (deleted,) = admin.delete_records([place]).values()
    await asyncio.to_thread(deleted.result, 30)

    async with following(session_gateway.url, agent, last_event_id=said["cursor"]) as stream:
        (reset,) = await stream.take(1)
        epoch = reset.data["data"]["epoch"]
        await writer.write(update(agent, said["epoch"], 2), update(agent, epoch, 3))
        (initial,) = await stream.take(1)

    assert (reset.name, reset.data["data"]["agent_id"]) == ("reset", "sleeper")
    assert epoch > said["epoch"]
    assert initial.revision == 3
    partition = partition_for(str(agent).encode(), PARTITIONS)
    present = topic_reader.keys("contex.registrations", PARTITIONS)
    assert present >= {(str(agent).encode(), partition, at) for at in (said["epoch"], epoch)}
    message = topic_reader.at("contex.registrations", partition, epoch)
    again = Codec(PinnedSchemas()).registration(
        Received("contex.registrations", 0, 0, 0, message.key(), message.value(), message.headers())
    )
    assert isinstance(again, Registration)
    assert [need.text for need in again.needs] == ["first need", "second need"]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "1", "-1:0", "1:-1", "01:2", "1:2:3", "0:99999999999999999999"]
)
async def test_a_malformed_cursor_is_400(session_gateway: GatewayProcess, cursor: str) -> None:
    agent = agent_key("acme", "live", "cursed")
    await register(session_gateway.url, agent)
    await expect_400(session_gateway, cursor)


async def test_a_foreign_cursor_is_400(session_gateway: GatewayProcess) -> None:
    agent = agent_key("acme", "live", "cursed")
    said = await register(session_gateway.url, agent)
    partition, _, offset = said["cursor"].partition(":")
    await expect_400(session_gateway, f"{(int(partition) + 1) % PARTITIONS}:0")
    await expect_400(session_gateway, f"{partition}:{int(offset) + 1_000_000}")


async def expect_400(gateway: GatewayProcess, cursor: str) -> None:
    url = f"{gateway.url}/api/v1/agents/cursed/updates"
    async with aiohttp.ClientSession() as session:
        for headers, params, field in (
            ({"Last-Event-ID": cursor}, {"project_id": "live"}, "Last-Event-ID"),
            ({}, {"project_id": "live", "cursor": cursor}, "cursor"),
        ):
            async with session.get(url, headers=headers, params=params) as answer:
                said = await answer.json(content_type="application/problem+json")
            assert (answer.status, said["errors"][0]["field"]) == (400, field), said


async def test_an_agent_that_leaves_is_told_so_and_cut(session_gateway: GatewayProcess) -> None:
    agent = agent_key("acme", "live", "leaver")
    said = await register(session_gateway.url, agent)
    async with following(session_gateway.url, agent, cursor=said["cursor"]) as stream:
        async with (
            aiohttp.ClientSession() as session,
            session.delete(f"{session_gateway.url}/api/v1/agents/leaver?project_id=live") as answer,
        ):
            assert answer.status == 202
        (gone,) = await stream.take(1)
        assert (gone.name, await stream.next()) == ("gone", None)


async def test_a_reader_that_does_not_read_is_cut_and_resumes(
    session_gateway: GatewayProcess, writer: FeedWriter
) -> None:
    agent = agent_key("acme", "live", "slow")
    said = await register(session_gateway.url, agent)
    content = b'"' + b"x" * 100_000 + b'"'
    total = 400  # 40 MB: more than the sockets' buffers and the gateway's bound hold
    async with following(session_gateway.url, agent, cursor=said["cursor"]) as stream:
        for number in range(total):
            await writer.write(update(agent, said["epoch"], number, content=content))
        deadline = time.monotonic() + 60
        while not any(line["agent"] == str(agent) for line in session_gateway.events("stream.cut")):
            assert time.monotonic() < deadline, "expected the slow reader to be cut"
            await asyncio.sleep(0.1)
        found = []
        while (event := await stream.next()) is not None:
            found.append(event.revision)
        cursor = stream.last_event_id
    assert 0 < len(found) < total
    async with following(session_gateway.url, agent, last_event_id=cursor) as stream:
        found += revisions(await stream.take(total - len(found)))
    assert found == list(range(total)), f"got {found}"
