"""Changing an agent: what is left out stays, sealed secrets too; changes follow one another."""

import asyncio

import pytest
from memory_log import MemoryLog, services
from pydantic import ValidationError

from contex.errors import DependencyAway, InvalidValue
from contex.records.message import Message, Receipt
from contex.records.names import AgentKey, Scope
from contex.records.registration import Registration, StreamDelivery, WebhookDelivery
from contex.webhooks.secrets import SecretBox, generate_key
from gateway.models import ChangeRequest, RegisterRequest
from gateway.operations.agents import unregister
from gateway.operations.change import change
from gateway.operations.register import register
from gateway.operations.turns import Turns
from gateway.problems import Refusal
from gateway.services import Call, Services

CALL = Call("t")
KEY = generate_key()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://example.com/hook"
AGENT = {"agent_id": "a", "project_id": "p", "data_needs": ["one", "two"], "token_budget": 7}
WEBHOOK = {**AGENT, "notification_method": "webhook", "webhook_url": URL, "webhook_secret": SECRET}


class SlowLog(MemoryLog):
    """Others run while a record is on its way, as with a real log."""

    async def send(self, topic: str, message: Message) -> Receipt:
        for _ in range(5):
            await asyncio.sleep(0)
        return await super().send(topic, message)


async def changed(services_: Services, **what: object) -> Registration:
    request = ChangeRequest.model_validate(what)
    return (await change(services_, CALL, "a", "p", request)).registration


async def registered(before: dict[str, object], log: MemoryLog | None = None) -> Services:
    services_ = services(log or MemoryLog(), keys=KEY)
    await register(services_, CALL, RegisterRequest.model_validate(before))
    return services_


def delivery_of(registration: Registration) -> WebhookDelivery:
    assert isinstance(registration.delivery, WebhookDelivery), registration
    return registration.delivery


async def test_what_is_left_out_stays_and_the_epoch_is_newer() -> None:
    services_ = await registered(AGENT)
    request = ChangeRequest.model_validate({"token_budget": 9})
    answer = await change(services_, CALL, "a", None, request)
    assert (answer.epoch, answer.generated_secret) == (1, None)
    now = answer.registration
    assert ([need.text for need in now.needs], now.token_budget) == (["one", "two"], 9)
    needed = await changed(services_, data_needs=["three"])
    assert ([need.text for need in needed.needs], needed.token_budget) == (["three"], 9)


async def test_a_secret_that_is_not_changed_stays_sealed() -> None:
    services_ = await registered(WEBHOOK)
    sealed = delivery_of(await changed(services_, token_budget=1)).sealed_secret
    moved = delivery_of(await changed(services_, webhook_url=f"{URL}/2"))
    assert (moved.url, moved.sealed_secret) == (f"{URL}/2", sealed), "expected the very sealing"
    assert SecretBox(KEY).open(sealed) == SECRET


async def test_a_secret_is_replaced_alone() -> None:
    services_ = await registered(WEBHOOK)
    other = "whsec_" + "QUJD" * 8
    now = delivery_of(await changed(services_, webhook_secret=other))
    assert (now.url, SecretBox(KEY).open(now.sealed_secret)) == (URL, other)


async def test_an_agent_becomes_a_webhook_with_a_new_secret_and_a_stream_again() -> None:
    services_ = await registered(AGENT)
    request = ChangeRequest.model_validate({"notification_method": "webhook", "webhook_url": URL})
    became = await change(services_, CALL, "a", "p", request)
    sealed = delivery_of(became.registration).sealed_secret
    assert became.generated_secret == SecretBox(KEY).open(sealed)
    again = await changed(services_, notification_method="sse")
    assert again.delivery == StreamDelivery()


@pytest.mark.parametrize(
    ("before", "what", "field"),
    [
        (AGENT, {"webhook_url": URL}, "webhook_url"),
        (AGENT, {"webhook_secret": SECRET}, "webhook_secret"),
        (AGENT, {"notification_method": "webhook"}, "webhook_url"),
        (WEBHOOK, {"notification_method": "sse", "webhook_url": URL}, "webhook_url"),
        (WEBHOOK, {"webhook_url": "http://127.0.0.1/"}, "webhook_url"),
        (WEBHOOK, {"webhook_secret": "short"}, "webhook_secret"),
    ],
)
async def test_what_does_not_fit_together_is_refused_by_name(
    before: dict[str, object], what: dict[str, object], field: str
) -> None:
    services_ = await registered(before)
    with pytest.raises(InvalidValue) as refused:
        await changed(services_, **what)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "what", [{}, {"token_budget": None}, {"agent_id": "b"}, {"data_needs": []}]
)
def test_a_change_must_change_something(what: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChangeRequest.model_validate(what)


async def test_an_agent_that_is_not_there_is_not_changed() -> None:
    services_ = services(MemoryLog())
    with pytest.raises(Refusal) as refused:
        await changed(services_, token_budget=1)
    assert refused.value.problem.status == 404


async def test_concurrent_changes_of_one_agent_undo_none() -> None:
    services_ = await registered(AGENT, SlowLog())
    await asyncio.gather(
        changed(services_, token_budget=11),
        changed(services_, data_needs=["three"]),
        changed(services_, notification_method="webhook", webhook_url=URL),
    )
    now = services_.agents.of_tenant("t")[0].registration
    said = ([need.text for need in now.needs], now.token_budget, delivery_of(now).url)
    assert said == (["three"], 11, URL), f"expected all three changes, got {said}"


async def test_a_change_does_not_bring_back_who_left() -> None:
    services_ = await registered(AGENT, SlowLog())
    leaving = asyncio.create_task(unregister(services_, CALL, "a", "p"))
    await asyncio.sleep(0)
    with pytest.raises(Refusal):
        await changed(services_, token_budget=11)
    await leaving
    assert services_.agents.of_tenant("t") == []


async def test_a_view_that_is_behind_is_not_built_upon() -> None:
    class Behind(MemoryLog):
        async def caught_up_with(self, partition: int, offset: int, *, timeout_s: float) -> bool:
            del partition, timeout_s
            return offset < 0

    services_ = await registered(AGENT, Behind())
    with pytest.raises(DependencyAway):
        await changed(services_, token_budget=1)


async def test_turns_are_had_one_after_another_and_forgotten() -> None:
    turns = Turns()
    trace: list[str] = []
    one, two = AgentKey(Scope("t", "p"), "a"), AgentKey(Scope("t", "p"), "b")

    async def take(name: str, *keys: AgentKey) -> None:
        async with turns.of(*keys):
            trace.append(name)
            await asyncio.sleep(0)
            trace.append(name)

    async with asyncio.timeout(10):
        await asyncio.gather(take("1", one, two), take("2", two, one, one), take("3", two))
    assert trace[0::2] == trace[1::2], f"expected turns that do not overlap, got {trace}"
    assert (sorted(trace[0::2]), len(turns)) == (["1", "2", "3"], 0)


async def test_needs_that_are_too_many_in_all_are_named_in_the_callers_words() -> None:
    services_ = await registered(AGENT)
    need = {"text": "a", "exclusions": ["b"] * 5}
    with pytest.raises(InvalidValue, match=r"^data_needs and their exclusions") as refused:
        await changed(services_, data_needs=[need] * 40)
    assert refused.value.field == "data_needs"
