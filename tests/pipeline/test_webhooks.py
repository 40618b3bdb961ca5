"""The webhook worker as a process, on a broker of its own, against an endpoint that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from brokers import running_broker
from gateway_process import apply_topics
from processes import DEADLINE_S
from webhook_receiver import Receiver, receiving
from webhook_world import World, agent, until

from contex.records.attempt import Fault, Outcome
from contex.records.dead_letter import read_headers
from contex.records.message import Message
from contex.webhooks.secrets import generate_key
from topology.catalogue import UPDATES

START_S = DELIVER_S = DEADLINE_S
PROMPT_S = 12
"""Below the 15 s that one request to a hanging endpoint takes."""


@pytest.fixture(scope="module")
def own_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker apart: the group and the topics of the product have one name each."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as broker:
        apply_topics(broker.bootstrap)
        yield broker.bootstrap


@pytest.fixture
async def world(own_bootstrap: str, tmp_path: Path) -> AsyncIterator[World]:
    world = World(own_bootstrap, tmp_path)
    await world.producer.start()
    yield world
    await world.producer.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_an_update_is_delivered_once_signed_and_written_down(
    world: World, receiver: Receiver
) -> None:
    key = agent()
    async with world.worker() as worker:
        epoch = await world.register(key, f"{receiver.url}/hook")
        [update_id] = await world.tell(key, epoch)
        await until(lambda: len(receiver.requests) >= 1, START_S, "one request")
        assert await worker.stop() == 0

    [request] = receiver.requests
    assert request.webhook_id == update_id
    assert request.payload is not None, "expected a signature that holds"
    assert request.payload["type"] == "context.matched"
    assert request.payload["data"]["agent_id"] == "agent"
    [attempt] = await world.attempts(key)
    assert (attempt.outcome, attempt.status, attempt.attempt) == (Outcome.SUCCEEDED, 200, 1)
    assert attempt.response_excerpt == "noted"


async def test_a_failure_is_tried_again_after_five_seconds_under_the_same_id(
    world: World, receiver: Receiver
) -> None:
    key = agent()
    receiver.answer("/hook", 500)
    async with world.worker():
        epoch = await world.register(key, f"{receiver.url}/hook")
        [update_id] = await world.tell(key, epoch)
        await until(lambda: len(receiver.requests) >= 2, START_S + 10, "two requests")

    first, second = receiver.requests
    assert first.webhook_id == second.webhook_id == update_id
    assert 5.0 <= second.at_s - first.at_s < 30.0, f"got {second.at_s - first.at_s:.2f} s"
    assert first.payload == second.payload is not None
    attempts = await world.attempts(key)
    assert [(one.attempt, one.outcome, one.fault) for one in attempts] == [
        (1, Outcome.RETRYING, Fault.ENDPOINT),
        (2, Outcome.SUCCEEDED, Fault.NONE),
    ]
    assert attempts[0].retry_lane == "contex.webhooks.retry.5s"


async def test_after_the_last_attempt_it_is_a_dead_letter(world: World, receiver: Receiver) -> None:
    key = agent()
    receiver.answer("/hook", 500, 503)
    async with world.worker(CONTEX_WEBHOOK_ATTEMPTS_MAX="2"):
        epoch = await world.register(key, f"{receiver.url}/hook")
        await world.tell(key, epoch)
        await until(lambda: len(receiver.requests) >= 2, START_S + 10, "two requests")

    [dead] = await world.dead_letters(key)
    info = read_headers(dead.headers)
    assert (info.topic, info.stage, info.attempt) == ("contex.webhooks.retry.5s", "webhooks", 2)
    assert info.message == "gave up after 2 attempts; the last one: the endpoint answered 503"
    outcomes = [(one.attempt, one.status, one.outcome) for one in await world.attempts(key)]
    assert outcomes == [(1, 500, Outcome.RETRYING), (2, 503, Outcome.DEAD)]


async def test_a_redirect_is_never_followed(world: World, receiver: Receiver) -> None:
    key = agent()
    receiver.answer("/moved", 307, Location=f"{receiver.url}/elsewhere")
    async with world.worker(CONTEX_WEBHOOK_ATTEMPTS_MAX="1"):
        epoch = await world.register(key, f"{receiver.url}/moved")
        await world.tell(key, epoch)
        await until(lambda: len(receiver.requests) >= 1, START_S, "one request")

    assert [request.path for request in receiver.requests] == ["/moved"]
    [attempt] = await world.attempts(key)
    assert (attempt.status, attempt.outcome) == (307, Outcome.DEAD)
    assert len(await world.dead_letters(key)) == 1


async def test_an_address_that_is_not_allowed_is_never_called(
    world: World, receiver: Receiver
) -> None:
    """A blocked address is the owner's fault: tried on the schedule, here of one attempt."""
    key = agent()
    async with world.worker(CONTEX_WEBHOOK_ALLOW="", CONTEX_WEBHOOK_ATTEMPTS_MAX="1") as worker:
        epoch = await world.register(key, f"{receiver.url}/hook")
        await world.tell(key, epoch)
        await until(lambda: "dead letter" in worker.words, START_S, "a dead letter")

    assert receiver.requests == []
    [attempt] = await world.attempts(key)
    assert (attempt.status, attempt.fault) == (None, Fault.ENDPOINT)
    assert "webhooks may not reach this address" in (attempt.error or "")
    assert len(await world.dead_letters(key)) == 1


async def test_a_poison_record_is_a_dead_letter_and_the_partition_goes_on(
    world: World, receiver: Receiver
) -> None:
    key = agent()
    async with world.worker():
        epoch = await world.register(key, f"{receiver.url}/hook")
        await world.send(UPDATES.name, Message(str(key).encode(), b"no record at all"))
        impossible = 10**9
        await world.tell(key, impossible)
        [update_id] = await world.tell(key, epoch)
        await until(lambda: len(receiver.requests) >= 1, START_S, "the good update")

    assert [request.webhook_id for request in receiver.requests] == [update_id]
    poison, unanswered = await world.dead_letters(key)
    assert poison.value == b"no record at all"
    assert read_headers(poison.headers).error_class == "contex.errors.InvalidRecord"
    assert "does not exist" in read_headers(unanswered.headers).message


async def test_updates_of_streams_older_epochs_and_strangers_are_skipped(
    world: World, receiver: Receiver
) -> None:
    streaming, moved = agent("streaming"), agent("moved")
    async with world.worker():
        await world.tell(streaming, await world.register(streaming, None))
        older = await world.register(moved, f"{receiver.url}/old")
        newer = await world.register(moved, f"{receiver.url}/new")
        await world.tell(moved, older)
        [update_id] = await world.tell(moved, newer)
        await until(lambda: len(receiver.requests) >= 1, START_S, "one request")

    assert [(one.path, one.webhook_id) for one in receiver.requests] == [("/new", update_id)]
    assert await world.dead_letters(streaming) == []


@pytest.mark.promise(1)
async def test_a_worker_killed_with_200_updates_in_flight_loses_none(
    world: World, receiver: Receiver, figure: Callable[[str], None]
) -> None:
    agents = [agent(f"agent{number}") for number in range(20)]
    receiver.delay_s = 0.05
    ids: dict[str, list[str]] = {}
    async with world.worker() as first:
        for key in agents:
            epoch = await world.register(key, f"{receiver.url}/{key.agent_id}")
            ids[f"/{key.agent_id}"] = await world.tell(key, epoch, times=10)
        await until(lambda: len(receiver.requests) >= 60, START_S, "60 requests")
        first.kill()
    seen_by_first = len(receiver.requests)
    assert seen_by_first < 200, "expected some to be left when it was killed"
    async with world.worker() as second:
        await until(
            lambda: len({one.webhook_id for one in receiver.requests}) == 200,
            START_S + DELIVER_S,
            "200 distinct updates",
        )
        assert await second.stop() == 0

    assert all(one.payload is not None for one in receiver.requests)
    for path, expected in ids.items():
        got = list(dict.fromkeys(one.webhook_id for one in receiver.at(path)))
        assert got == expected, f"{path}: first deliveries out of order"
    duplicates = len(receiver.requests) - 200
    assert duplicates <= seen_by_first
    figure(f"delivered 200 of 200, {duplicates} duplicates, killed after {seen_by_first}")


async def test_a_stopped_worker_finishes_commits_and_repeats_nothing(
    world: World, receiver: Receiver
) -> None:
    agents = [agent(f"agent{number}") for number in range(10)]
    receiver.delay_s = 0.1
    async with world.worker() as first:
        for key in agents:
            epoch = await world.register(key, f"{receiver.url}/{key.agent_id}")
            await world.tell(key, epoch, times=10)
        await until(lambda: len(receiver.requests) >= 20, START_S, "20 requests")
        assert await first.stop() == 0, first.words
    async with world.worker() as second:
        await until(
            lambda: len({one.webhook_id for one in receiver.requests}) == 100,
            START_S,
            "100 distinct updates",
        )
        assert await second.stop() == 0

    assert len(receiver.requests) == 100, "expected no update twice"
    assert receiver.peak <= 4, f"expected 4 requests to one endpoint, got {receiver.peak}"


async def test_a_second_worker_shares_the_load_and_nothing_is_lost_or_reordered(
    world: World, receiver: Receiver
) -> None:
    agents = [agent(f"agent{number}") for number in range(20)]
    receiver.delay_s = 0.05
    ids: dict[str, list[str]] = {}
    async with world.worker() as first, world.worker() as second:
        for key in agents:
            epoch = await world.register(key, f"{receiver.url}/{key.agent_id}")
            ids[f"/{key.agent_id}"] = await world.tell(key, epoch, times=10)
        await until(
            lambda: len({one.webhook_id for one in receiver.requests}) == 200,
            START_S + DELIVER_S,
            "200 distinct updates",
        )
        assert (await first.stop(), await second.stop()) == (0, 0)

    for path, expected in ids.items():
        got = list(dict.fromkeys(one.webhook_id for one in receiver.at(path)))
        assert got == expected, f"{path}: first deliveries out of order"


async def test_without_the_key_of_a_secret_it_exits_with_words_and_loses_nothing(
    world: World, receiver: Receiver
) -> None:
    key = agent()
    epoch = await world.register(key, f"{receiver.url}/hook")
    await world.tell(key, epoch)
    for keys, words in (("", "CONTEX_SECRET_KEYS is not set"), (generate_key(), "lacks the key")):
        async with world.worker(CONTEX_SECRET_KEYS=keys) as keyless:
            assert await keyless.wait() == 78
            assert words in keyless.words
    async with world.worker(CONTEX_SECRET_KEYS="nonsense") as malformed:
        assert await malformed.wait() == 78
        assert "key 1 of 1 is not" in malformed.words

    assert await world.dead_letters(key) == []
    async with world.worker():
        await until(lambda: len(receiver.requests) >= 1, START_S, "the update, in the end")


@asynccontextmanager
async def hanging_endpoint() -> AsyncIterator[str]:
    """Take connections and never answer."""
    ends = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ends.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        ends.set()
        server.close()
        await server.wait_closed()


async def test_1500_updates_for_a_hanging_endpoint_do_not_stop_another_agent(
    world: World, receiver: Receiver, figure: Callable[[str], None]
) -> None:
    stuck, other = agent("stuck"), agent("other")
    async with hanging_endpoint() as url, world.worker() as worker:
        stuck_epoch = await world.register(stuck, url)
        other_epoch = await world.register(other, f"{receiver.url}/hook")
        await world.tell(other, other_epoch)
        await until(lambda: len(receiver.requests) == 1, START_S, "the worker's first request")
        await world.tell(stuck, stuck_epoch, times=1_500)
        await until(lambda: worker.words.count("put off") >= 900, DELIVER_S, "900 put off")
        told_s = time.time()
        await world.tell(other, other_epoch)
        await until(lambda: len(receiver.requests) == 2, PROMPT_S, "the other agent's update")
        await world.register(stuck, None)  # what waits for it is of no concern to other tests
        worker.kill()

    figure(f"told another agent after {receiver.requests[1].at_s - told_s:.2f} s")
    assert await world.dead_letters(stuck) == []
