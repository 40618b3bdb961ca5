"""The view of the registrations follows a real log."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from processes import DEADLINE_S

from contex.errors import DependencyAway
from contex.log.admin import Cluster, TopicState
from contex.log.failures import LogMisuse
from contex.log.producer import Producer
from contex.log.registrations import KnownAgent, RegistrationsView
from contex.records.codec import Codec
from contex.records.message import Message, Received
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery, Unregistration
from contex.records.schema_source import PinnedSchemas
from contex.telemetry import metrics

CODEC = Codec(PinnedSchemas())


@pytest.fixture
def topic(bootstrap: str) -> str:
    name = f"registrations-{uuid.uuid4().hex}"
    config = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
    Cluster(bootstrap).create([TopicState(name, 12, 1, config)])
    return name


@pytest.fixture
async def producer(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def view(bootstrap: str, topic: str) -> AsyncIterator[RegistrationsView]:
    view = RegistrationsView(bootstrap, topic, CODEC.registration)
    yield view
    await view.stop()


def key(agent_id: str, tenant: str = "acme") -> AgentKey:
    return AgentKey(Scope(tenant, "p"), agent_id)


def registration(agent: AgentKey, need: str = "weather") -> Registration:
    return Registration(agent, (Need(need),), StreamDelivery(), uuid.uuid4().hex, 1_000)


def message(agent: AgentKey, need: str = "weather") -> Message:
    return CODEC.encode(registration(agent, need))


async def test_knows_what_the_log_held_at_its_start(
    topic: str, producer: Producer, view: RegistrationsView
) -> None:
    agents = [key(f"a{number}") for number in range(100)]
    await producer.send_all(topic, [message(agent, "old") for agent in agents])
    receipts = await producer.send_all(topic, [message(agent, "new") for agent in agents])
    left = CODEC.encode(Unregistration(agents[0], "e", 2_000))
    await producer.send(topic, left)
    assert not view.caught_up
    await view.start()
    assert await view.wait_caught_up(timeout_s=DEADLINE_S)
    assert view.get(agents[0]) is None
    assert len(view) == 99
    known = view.get(agents[1])
    assert known is not None
    assert (known.epoch, known.partition) == (receipts[1].offset, receipts[1].partition)
    assert known.registration.needs[0].text == "new"
    assert known.registered_at_ms > 1_000, "expected the broker's clock, got the producer's"
    assert {agent.registration.key for agent in view} == set(agents[1:])


async def test_an_empty_topic_is_caught_up_with(view: RegistrationsView) -> None:
    await view.start()
    assert await view.wait_caught_up(timeout_s=DEADLINE_S)
    assert len(view) == 0


async def test_reads_your_writes(topic: str, producer: Producer, view: RegistrationsView) -> None:
    await view.start()
    for number in range(20):
        receipt = await producer.send(topic, message(key("a"), f"need {number}"))
        await view.wait_for(receipt.partition, receipt.offset, DEADLINE_S)
        known = view.get(key("a"))
        assert isinstance(known, KnownAgent)
        assert known.registration.needs[0].text == f"need {number}"


async def test_waiting_is_bounded(view: RegistrationsView) -> None:
    await view.start()
    assert not await view.caught_up_with(0, 10, timeout_s=0.1)
    with pytest.raises(DependencyAway, match="0@10"):
        await view.wait_for(0, 10, 0.1)


async def test_poison_is_passed_over_and_counted(
    topic: str, producer: Producer, view: RegistrationsView
) -> None:
    def skipped() -> float:
        labels = {"view": "registrations"}
        return metrics.REGISTRY.get_sample_value("contex_view_records_skipped_total", labels) or 0

    before = skipped()
    good = message(key("a"))
    await producer.send(topic, good)
    await producer.send(topic, Message(good.key, b"garbage"))
    await producer.send(topic, Message(b"no-slashes", good.value))
    await view.start()
    assert await view.wait_caught_up(timeout_s=DEADLINE_S)
    assert view.get(key("a")) is not None
    assert skipped() - before == 2


async def test_tenants_are_apart(topic: str, producer: Producer, view: RegistrationsView) -> None:
    await producer.send_all(topic, [message(key("a")), message(key("a", "other"))])
    await view.start()
    assert await view.wait_caught_up(timeout_s=DEADLINE_S)
    assert [known.registration.key for known in view.of_tenant("acme")] == [key("a")]
    assert view.of_tenant("nobody") == ()


async def test_an_absent_dependency_of_the_decoder_ends_it(
    bootstrap: str, topic: str, producer: Producer
) -> None:
    def decode(_received: object) -> Registration:
        raise DependencyAway("registry")

    await producer.send(topic, message(key("a")))
    view = RegistrationsView(bootstrap, topic, decode)
    await view.start()
    with pytest.raises(DependencyAway):
        await asyncio.wait_for(view.ended(), DEADLINE_S)
    await view.stop()


async def test_a_missing_topic_is_told_at_start(bootstrap: str) -> None:
    view = RegistrationsView(bootstrap, "no-such-topic", CODEC.registration)
    with pytest.raises(LogMisuse):
        await view.start()
    await view.stop()


async def test_a_view_that_ended_before_it_was_caught_up_says_why(
    bootstrap: str, topic: str, producer: Producer
) -> None:
    def decode(_: Received) -> Registration:
        raise DependencyAway("the registry, whose schema this record has, does not answer")

    view = RegistrationsView(bootstrap, topic, decode)

    async def caught_up() -> None:
        while not await view.wait_caught_up(timeout_s=0.2):
            pass

    await producer.send(topic, message(key("a")))
    await view.start()
    with pytest.raises(DependencyAway, match="whose schema"):
        await asyncio.wait_for(caught_up(), DEADLINE_S)
    await view.stop()
