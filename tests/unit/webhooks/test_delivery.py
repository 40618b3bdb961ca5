"""Deliveries over ports in plain Python: what is written where, for every end a try can come to."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from asked_schemas import AskedSchemas
from standardwebhooks import Webhook

from contex.errors import DependencyAway, InvalidRecord, LimitExceeded
from contex.log.registrations import KnownAgent
from contex.records.attempt import Attempt, Fault, Outcome
from contex.records.codec import Codec
from contex.records.dead_letter import read_headers
from contex.records.message import Message, Received
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery, WebhookDelivery
from contex.records.schema_source import PinnedSchemas
from contex.records.update import Cause, Item, MatchedNeed, Update, UpdateKind, update_id
from contex.webhooks.attempts import Answered, Failure, Result, Schedule, Unanswered
from contex.webhooks.delivery import Delivery, Topics
from contex.webhooks.retries import Turn, read_turn
from contex.webhooks.secrets import SecretBox, SecretKeysUnusable, generate_key, generate_secret
from contex.webhooks.slots import Slots

AGENT = AgentKey(Scope("acme", "shop"), "pricer")
EPOCH = 5
UPDATES = "contex.updates"
LANES = {5: "retry.5s", 60: "retry.1m"}
TOPICS = Topics(lanes=LANES, attempts="attempts", dead_letter="dead-letter")
CODEC = Codec(PinnedSchemas())
NOW_S = 1_900_000_000.5
URL = "https://hooks.example/x"
CAUSE = Cause("contex.publications", 3, 41)
UPDATE = Update(
    update_id=update_id(CAUSE, AGENT),
    kind=UpdateKind.MATCHED,
    agent=AGENT,
    epoch=EPOCH,
    cause=CAUSE,
    caused_at_ms=1_800_000_000_000,
    items=(
        Item("prices", 41, (MatchedNeed("prices", 0.7, 0.34),), b'{"a":1}', "application/json"),
    ),
)


@dataclass
class FakeLog:
    sent: list[tuple[str, Message]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    too_large: frozenset[str] = frozenset()

    async def send(self, topic: str, message: Message) -> None:
        if topic in self.too_large:
            raise LimitExceeded(f"too large for {topic}")
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((topic, message))

    def of(self, topic: str) -> list[Message]:
        return [message for name, message in self.sent if name == topic]

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.sent]


@dataclass
class FakeSender:
    results: list[Result] = field(default_factory=lambda: [Answered(200, None, "thanks")])
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    hangs: bool = False

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Result:
        if self.hangs:
            await asyncio.Event().wait()
        self.requests.append((url, headers, body))
        return self.results[min(len(self.requests), len(self.results)) - 1]


@dataclass
class FakeAgents:
    known: KnownAgent | None
    error: Exception | None = None

    async def find(self, agent: AgentKey, epoch: int) -> KnownAgent | None:
        assert (agent, epoch) == (AGENT, EPOCH)
        if self.error:
            raise self.error
        return self.known


class World:
    """A delivery and all that it talks to."""

    def __init__(self, *results: Result, attempts_max: int = 16) -> None:
        self.log = FakeLog()
        self.sender = FakeSender(list(results)) if results else FakeSender()
        self.secret = generate_secret()
        self.keys = generate_key()
        self.agents = FakeAgents(self.agent(EPOCH))
        self.attempts_max = attempts_max
        self.open_with: str | None = self.keys
        self.codec = CODEC

    def agent(self, epoch: int, *, sealed: str | None = None) -> KnownAgent:
        sealed = sealed or SecretBox(self.keys).seal(self.secret)
        delivery = WebhookDelivery(URL, sealed)
        registration = Registration(AGENT, (Need("prices"),), delivery, "e", 0)
        return KnownAgent(registration, epoch, 0, 0)

    async def deliver(self, received: Received) -> None:
        async with asyncio.timeout(60):
            await self.delivery().deliver(received)

    def delivery(self) -> Delivery:
        return Delivery(
            codec=self.codec,
            agents=self.agents,
            box=SecretBox(self.open_with),
            sender=self.sender,
            log=self.log,
            topics=TOPICS,
            schedule=Schedule(tuple(LANES), self.attempts_max),
            slots=Slots(),
            clock_s=lambda: NOW_S,
        )

    @property
    def attempts(self) -> list[Attempt]:
        return [CODEC.attempt(received(one, "attempts")) for one in self.log.of("attempts")]


def received(message: Message, topic: str = UPDATES, offset: int = 9) -> Received:
    return Received(topic, 2, offset, 0, message.key, message.value, message.headers)


def update_record() -> Received:
    return received(CODEC.encode(UPDATE))


async def test_a_success_is_signed_sent_once_and_written_down() -> None:
    world = World(Answered(202, None, "thanks"))

    await world.deliver(update_record())

    [(url, headers, body)] = world.sender.requests
    assert url == URL
    assert headers["webhook-id"] == str(UPDATE.update_id)
    assert headers["webhook-timestamp"] == "1900000000"
    assert headers["Content-Type"] == "application/json"
    signature = Webhook(world.secret).sign(
        headers["webhook-id"], datetime.fromtimestamp(int(NOW_S), UTC), body.decode()
    )
    assert headers["webhook-signature"] == signature
    assert json.loads(body)["type"] == "context.matched"
    assert world.log.topics == ["attempts"]
    [attempt] = world.attempts
    assert (attempt.update_id, attempt.attempt, attempt.outcome) == (
        UPDATE.update_id,
        1,
        Outcome.SUCCEEDED,
    )
    assert (attempt.status, attempt.response_excerpt, attempt.error) == (202, "thanks", None)
    assert attempt.fault is Fault.NONE


async def test_a_delivery_does_not_hold_the_loop_while_a_schema_is_asked_for() -> None:
    world = World()
    world.codec = Codec(AskedSchemas())

    await world.deliver(update_record())

    assert len(world.sender.requests) == 1


async def test_a_failure_waits_in_a_lane_with_the_same_bytes_after_the_attempt_is_written() -> None:
    world = World(Answered(500, None, "oops"))
    record = update_record()

    await world.deliver(record)

    assert world.log.topics == ["attempts", "retry.5s"]
    [waiting] = world.log.of("retry.5s")
    assert (waiting.key, waiting.value) == (record.key, record.value)
    assert set(record.headers) <= set(waiting.headers)
    turn = read_turn(received(waiting, "retry.5s"))
    assert (turn.attempt, turn.first_failed_at_ms) == (2, int(NOW_S * 1000))
    [attempt] = world.attempts
    assert attempt.retry_lane == "retry.5s"
    assert (attempt.outcome, attempt.fault) == (Outcome.RETRYING, Fault.ENDPOINT)
    assert attempt.error == "the endpoint answered 500"


async def test_every_retry_sends_the_same_body_under_the_same_id() -> None:
    world = World(Answered(500), Answered(500), Answered(200))
    await world.deliver(update_record())
    [first] = world.log.of("retry.5s")
    await world.deliver(received(first, "retry.5s"))
    [second] = world.log.of("retry.1m")
    await world.deliver(received(second, "retry.1m"))

    assert len({(headers["webhook-id"], body) for _, headers, body in world.sender.requests}) == 1
    assert [attempt.attempt for attempt in world.attempts] == [1, 2, 3]
    assert world.attempts[-1].outcome is Outcome.SUCCEEDED


async def test_the_last_failure_goes_to_the_dead_letters_byte_for_byte() -> None:
    world = World(Answered(500), attempts_max=2)
    record = update_record()
    await world.deliver(record)
    [waiting] = world.log.of("retry.5s")

    await world.deliver(received(waiting, "retry.5s", offset=77))

    assert world.log.topics[-2:] == ["attempts", "dead-letter"]
    [dead] = world.log.of("dead-letter")
    assert (dead.key, dead.value) == (record.key, record.value)
    info = read_headers(dead.headers)
    assert (info.topic, info.partition, info.offset) == ("retry.5s", 2, 77)
    assert (info.stage, info.attempt) == ("webhooks", 2)
    assert info.error_class == "contex.errors.SubscriberError"
    assert info.message == "gave up after 2 attempts; the last one: the endpoint answered 500"
    assert world.attempts[-1].outcome is Outcome.DEAD


async def test_gone_is_dead_at_once_and_says_disabled() -> None:
    world = World(Answered(410))

    await world.deliver(update_record())

    assert world.log.topics == ["attempts", "dead-letter"]
    [dead] = world.log.of("dead-letter")
    assert read_headers(dead.headers).message.startswith("disabled: ")


async def test_a_blocked_address_is_the_owners_fault_and_is_tried_again() -> None:
    world = World(Unanswered(Failure.ADDRESS_REFUSED, "webhooks may not reach this address"))

    await world.deliver(update_record())

    assert world.log.topics == ["attempts", "retry.5s"]
    [attempt] = world.attempts
    assert (attempt.status, attempt.fault) == (None, Fault.ENDPOINT)
    assert attempt.error == "address_refused: webhooks may not reach this address"


async def test_an_agent_that_left_registered_anew_or_streams_is_skipped() -> None:
    world = World()
    streaming = Registration(AGENT, (), StreamDelivery(), "e", 0)
    for known in (None, world.agent(EPOCH + 1), KnownAgent(streaming, EPOCH, 0, 0)):
        world.agents.known = known
        await world.deliver(update_record())

    assert world.sender.requests == []
    assert world.log.sent == []


@pytest.mark.parametrize(
    "poison",
    [
        Received(UPDATES, 2, 9, 0, b"acme/shop/pricer", b"no avro"),
        Received(UPDATES, 2, 9, 0, b"acme/shop/pricer", None),
        Received(UPDATES, 2, 9, 0, None, b"\x00\x00\x00\x00\x01"),
        Received(UPDATES, 2, 9, 0, b"\xff", b""),
        Received("retry.5s", 2, 9, 0, b"acme/shop/pricer", CODEC.encode(UPDATE).value),
    ],
    ids=["no avro", "tombstone", "no key", "no text", "lane without a turn"],
)
async def test_what_cannot_be_read_is_a_dead_letter_at_once(poison: Received) -> None:
    world = World()

    await world.deliver(poison)

    assert world.sender.requests == []
    [(topic, dead)] = world.log.sent
    assert topic == "dead-letter"
    assert (dead.key, dead.value) == (poison.key or b"", poison.value)
    assert read_headers(dead.headers).error_class == "contex.errors.InvalidRecord"


async def test_an_epoch_that_no_registration_has_is_a_dead_letter() -> None:
    world = World()
    world.agents.error = InvalidRecord("answers registration 5, which does not exist")

    await world.deliver(update_record())

    assert world.log.topics == ["dead-letter"]


async def test_a_forged_secret_is_a_dead_letter_and_a_missing_key_is_not() -> None:
    forged = World()
    forged.agents.known = forged.agent(EPOCH, sealed="whsec_in_clear")
    await forged.deliver(update_record())
    assert forged.log.topics == ["dead-letter"]

    keyless = World()
    keyless.open_with = None
    with pytest.raises(SecretKeysUnusable, match="CONTEX_SECRET_KEYS is not set"):
        await keyless.deliver(update_record())
    assert keyless.log.sent == []
    assert keyless.sender.requests == []


async def test_a_sealed_text_that_is_no_secret_is_a_dead_letter() -> None:
    world = World()
    world.agents.known = world.agent(EPOCH, sealed=SecretBox(world.keys).seal("plain"))

    await world.deliver(update_record())

    assert world.log.topics == ["dead-letter"]


async def test_a_log_that_is_away_is_waited_for_and_the_request_not_repeated() -> None:
    world = World(Answered(500))
    world.log.failures = [DependencyAway("away"), DependencyAway("away")]

    await world.deliver(update_record())

    assert len(world.sender.requests) == 1
    assert world.log.topics == ["attempts", "retry.5s"]


async def test_a_log_that_stays_away_ends_the_work_and_never_dead_letters() -> None:
    world = World(Answered(500))
    world.log.failures = [DependencyAway("away")] * 3

    with pytest.raises(DependencyAway):
        await world.deliver(update_record())
    assert world.log.sent == []


async def test_a_record_too_large_for_its_lane_is_a_dead_letter() -> None:
    world = World(Answered(500))
    world.log.too_large = frozenset({"retry.5s"})

    await world.deliver(update_record())

    assert world.log.topics == ["attempts", "dead-letter"]


async def test_a_redriven_dead_letter_begins_anew() -> None:
    """Retry headers count only in a lane: a redrive to the updates has all its tries again."""
    world = World(Answered(500), attempts_max=2)
    await world.deliver(update_record())
    await world.deliver(received(world.log.of("retry.5s")[0], "retry.5s"))
    [dead] = world.log.of("dead-letter")

    await world.deliver(received(dead))

    assert world.attempts[-1].attempt == 1
    assert len(world.log.of("retry.5s")) == 2


async def test_what_is_put_off_waits_untried_with_the_same_bytes_and_keeps_all_its_tries() -> None:
    world = World(Answered(500), attempts_max=2)
    record = update_record()

    await world.delivery().put_off(record, slow=True)

    assert world.sender.requests == []
    assert world.log.topics == ["retry.5s"], "expected no attempt to be written down"
    [first] = world.log.of("retry.5s")
    assert (first.key, first.value) == (record.key, record.value)
    assert read_turn(received(first, "retry.5s")) == Turn()
    await world.deliver(received(first, "retry.5s"))
    [_, second] = world.log.of("retry.5s")
    await world.deliver(received(second, "retry.5s"))
    assert [one.attempt for one in world.attempts] == [1, 2]
    assert {headers["webhook-id"] for _, headers, _ in world.sender.requests} == {
        str(UPDATE.update_id)
    }


async def test_what_is_put_off_again_waits_longer_for_the_same_try() -> None:
    world = World(Answered(500))
    await world.deliver(update_record())
    [waiting] = world.log.of("retry.5s")

    await world.delivery().put_off(received(waiting, "retry.5s"), slow=True)
    [again] = world.log.of("retry.1m")
    await world.delivery().put_off(received(again, "retry.1m"), slow=True)

    turns = [read_turn(received(one, "retry.1m")) for one in world.log.of("retry.1m")]
    assert turns == [Turn(2, int(NOW_S * 1000))] * 2
    await world.delivery().put_off(received(again, "retry.1m"), slow=False)
    assert world.log.topics[-1] == "retry.5s", "expected a lack of room to pass soon"


async def test_what_no_lane_takes_is_delivered_and_what_no_lane_wrote_is_a_dead_letter() -> None:
    world = World()
    world.log.too_large = frozenset({"retry.5s"})

    await world.delivery().put_off(update_record(), slow=True)
    assert (world.log.topics, len(world.sender.requests)) == (["attempts"], 1)
    await world.delivery().put_off(received(CODEC.encode(UPDATE), "retry.5s"), slow=False)
    assert world.log.topics == ["attempts", "dead-letter"]


async def test_a_delivery_that_does_not_return_grows_old_and_a_finished_one_does_not() -> None:
    world = World()
    world.sender.hangs = True
    delivery = world.delivery()
    task = asyncio.create_task(delivery.deliver(update_record()))
    await asyncio.wait([task], timeout=0.02)
    assert delivery.oldest_s > 0
    task.cancel()
