"""Agents, batches and waits over HTTP: who is registered, changed, told, and at what price."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from gateway_app import API, Answer, Gateway, serving
from memory_log import CODEC, NOW_MS, PARTITION, MemoryLog, tell

from contex.errors import DependencyAway
from contex.index.types import ValueHead
from contex.log.partitioner import partition_for
from contex.records.message import Message, Receipt
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.registration import Registration, WebhookDelivery
from contex.records.update import Cause, Update, UpdateKind, update_id
from gateway import limits
from topology.catalogue import PARTITIONS, REGISTRATIONS, UPDATES

HOOK = {"notification_method": "webhook", "webhook_url": "https://example.com/hook"}


async def change(
    gateway: Gateway, said: Mapping[str, object], agent: str = "a", query: str = "", **more: str
) -> Answer:
    return await gateway.ask("PATCH", f"{API}/agents/{agent}{query}", said, body=None, **more)


def registered(gateway: Gateway, agent: str = "a") -> Registration:
    known = gateway.log.get(AgentKey(Scope("t", "p"), agent))
    assert known is not None
    return known.registration


async def test_an_agent_is_shown_as_it_was_registered_and_known_by_its_epoch() -> None:
    async with serving() as gateway:
        need = {"text": "n", "threshold": 0.5, "filters": {"team": "a"}, "exclusions": ["x"]}
        answer = await gateway.register("a", data_needs=["m", need], token_budget=77)
        shown = await gateway.get("/agents/a?project_id=p")
        epoch = answer.json["epoch"]
        known = await gateway.get("/agents/a", If_None_Match=f'"{epoch}"')
        await gateway.register("a")
        stale = await gateway.get("/agents/a", If_None_Match=f'"{epoch}"')
    assert shown.headers["ETag"] == f'"{epoch}"'
    assert [one["text"] for one in shown.json["data_needs"]] == ["m", "n"]
    assert shown.json["data_needs"][1]["filters"] == {"team": ["a"]}
    assert (shown.json["token_budget"], shown.json["epoch"]) == (77, epoch)
    assert (known.status, known.body, known.headers["ETag"]) == (304, b"", f'"{epoch}"')
    assert (stale.status, stale.json["epoch"]) == (200, epoch + 1)


async def test_a_secret_is_shown_when_it_is_made_and_never_again() -> None:
    async with serving() as gateway:
        made = await gateway.register("a", **HOOK)
        brought = await gateway.register("b", **HOOK, webhook_secret=made.json["webhook_secret"])
        shown = [await gateway.get(path) for path in ("/agents/a", "/agents/b", "/agents")]
    secret = made.json["webhook_secret"]
    assert secret.startswith("whsec_")
    assert "webhook_secret" not in brought.json
    delivery = registered(gateway).delivery
    assert isinstance(delivery, WebhookDelivery)
    assert secret not in delivery.sealed_secret
    for answer in shown:
        assert secret.encode() not in answer.body
        assert b"secret" not in answer.body


async def test_a_change_keeps_what_it_does_not_say() -> None:
    async with serving() as gateway:
        await gateway.register("a", data_needs=["one", "two"], token_budget=77, **HOOK)
        sealed = registered(gateway).delivery
        answer = await change(gateway, {"token_budget": 99})
    after = registered(gateway)
    assert answer.status == 202
    assert [need.text for need in after.needs] == ["one", "two"]
    assert (after.token_budget, after.delivery) == (99, sealed)
    assert "webhook_secret" not in answer.json
    assert answer.json["notification_method"] == "webhook"


async def test_changes_at_once_lose_nothing() -> None:
    async with serving() as gateway:
        await gateway.register("a")
        answers = await asyncio.gather(
            change(gateway, {"token_budget": 99}),
            change(gateway, {"data_needs": ["other"]}),
            change(gateway, HOOK),
        )
    after = registered(gateway)
    assert {one.status for one in answers} == {202}
    assert len({one.json["epoch"] for one in answers}) == 3
    assert (after.token_budget, [need.text for need in after.needs]) == (99, ["other"])
    assert isinstance(after.delivery, WebhookDelivery)


async def test_a_change_is_refused_while_the_view_is_behind_the_log() -> None:
    class Behind(MemoryLog):
        async def caught_up_with(self, partition: int, offset: int, *, timeout_s: float) -> bool:
            return not self.known

    async with serving(log=Behind()) as gateway:
        await gateway.register("a")
        before = gateway.written(REGISTRATIONS.name)
        answer = await change(gateway, {"token_budget": 99})
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert gateway.written(REGISTRATIONS.name) == before


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "body"),
        ({"token_budget": 0}, "token_budget"),
        ({"webhook_url": "https://example.com"}, "webhook_url"),
        ({"notification_method": "webhook"}, "webhook_url"),
        ({**HOOK, "webhook_url": "http://127.0.0.1/"}, "webhook_url"),
        ({**HOOK, "webhook_secret": "whsec_short"}, "webhook_secret"),
        ({"data_needs": []}, "data_needs"),
        ({"agent_id": "b"}, "agent_id"),
    ],
)
async def test_a_wrong_change_is_named_and_writes_nothing(
    said: dict[str, object], field: str
) -> None:
    async with serving() as gateway:
        await gateway.register("a")
        answer = await change(gateway, said)
    assert (answer.status, answer.fields) == (422, [field]), answer.body
    assert gateway.written(REGISTRATIONS.name) == 1


async def test_an_agent_of_two_projects_must_be_named_with_its_own() -> None:
    async with serving() as gateway:
        for project in ("p", "q"):
            await gateway.register("a", project)
        for method in ("GET", "DELETE"):
            answer = await gateway.ask(method, f"{API}/agents/a")
            assert (answer.status, answer.fields) == (422, ["project_id"])
        assert (await change(gateway, {"token_budget": 9})).status == 422
        left = await gateway.ask("DELETE", f"{API}/agents/a?project_id=q")
        assert left.json == {"status": "unregistered", "agent_id": "a", "project_id": "q"}
        assert (await gateway.get("/agents/a")).json["project_id"] == "p"


async def test_pages_of_agents_tell_each_once_in_order() -> None:
    async with serving() as gateway:
        for project in ("q", "p"):
            for number in range(5):
                await gateway.register(f"a{number}", project)
        found: list[tuple[str, str]] = []
        cursor = ""
        while True:
            page = (await gateway.get(f"/agents?limit=3{cursor}")).json
            found += [(one["project_id"], one["agent_id"]) for one in page["agents"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        only = (await gateway.get("/agents?project_id=q&limit=5")).json
        for wrong in ("nonsense", "cA", "%E2%82%AC"):
            answer = await gateway.get(f"/agents?cursor={wrong}")
            assert (answer.status, answer.fields) == (422, ["cursor"]), wrong
    assert found == [(project, f"a{number}") for project in ("p", "q") for number in range(5)]
    assert (only["count"], only["next_cursor"]) == (5, None)


async def test_a_repeated_registration_shows_its_secret_again_and_writes_one_record() -> None:
    async with serving() as gateway:
        said = {"agent_id": "a", "project_id": "p", "data_needs": ["x"], **HOOK}
        first, second = [
            await gateway.ask("POST", f"{API}/agents/register", said, Idempotency_Key="k")
            for _ in range(2)
        ]
        forgotten = await gateway.ask("DELETE", f"{API}/agents/a", Idempotency_Key="gone")
        again = await gateway.ask("DELETE", f"{API}/agents/a", Idempotency_Key="gone")
    assert first.body == second.body
    assert "webhook_secret" in first.json
    assert (forgotten.status, again.status) == (202, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert gateway.written(REGISTRATIONS.name) == 2


async def test_an_answer_that_was_not_surely_written_is_not_kept() -> None:
    class Flaky(MemoryLog):
        failing = True

        async def send(self, topic: str, message: Message) -> Receipt:
            receipt = await super().send(topic, message)
            if self.failing:
                raise DependencyAway("no acknowledgement")
            return receipt

    log = Flaky()
    async with serving(log=log) as gateway:
        first = await gateway.publish("k", 1, Idempotency_Key="same")
        log.failing = False
        second = await gateway.publish("k", 1, Idempotency_Key="same")
    assert (first.status, second.status) == (503, 202)
    assert "Idempotency-Replayed" not in second.headers
    events = {dict(one.headers)["ce_id"] for some in log.partitions.values() for one in some}
    assert events == {second.json["event_id"].encode()}, "expected both records to be one event"


async def batch(gateway: Gateway, kind: str, said: object, **more: str) -> Answer:
    return await gateway.ask("POST", f"{API}/batch/{kind}", said, body=None, **more)


async def test_each_item_of_a_batch_is_answered_in_its_place() -> None:
    async with serving() as gateway:
        items = [
            {"project_id": "p", "data_key": "a", "data": 1},
            {"project_id": "p", "data_key": "", "data": 1},
            "no object",
            {"project_id": "p", "data_key": "a", "data": 2},
        ]
        answer = await batch(gateway, "publish", {"items": items})
        said = answer.json
    assert answer.status == 200
    assert [one["status"] for one in said["results"]] == ["success", "failed", "failed", "success"]
    assert (said["total"], said["successful"], said["failed"]) == (4, 2, 2)
    first, wrong, none, last = said["results"]
    assert last["revision"] == first["revision"] + 1
    assert [one["field"] for one in wrong["error"]["errors"]] == ["data_key"]
    assert (none["project_id"], none["data_key"]) == (None, None)


async def test_a_batch_of_agents_has_an_epoch_and_a_cursor_for_each() -> None:
    async with serving() as gateway:
        agents = [
            {"agent_id": name, "project_id": "p", "data_needs": ["x"], **more}
            for name, more in (("a", {}), ("b", HOOK), ("a", {"token_budget": 5}))
        ]
        said = (await batch(gateway, "register", agents)).json
        shown = (await gateway.get("/agents/a")).json
    first, hooked, last = said["results"]
    assert (shown["epoch"], shown["token_budget"]) == (last["epoch"], 5)
    assert last["epoch"] == first["epoch"] + 1
    assert hooked["webhook_secret"].startswith("whsec_")
    assert all(one["cursor"] for one in said["results"])


@pytest.mark.parametrize("said", [[], {}, {"items": []}, {"items": [], "x": 1}, "x", 5])
async def test_what_is_no_batch_is_refused(said: object) -> None:
    async with serving() as gateway:
        answer = await batch(gateway, "publish", said)
    assert answer.status == 422, answer.body


async def test_a_batch_has_a_bound_and_so_have_batches() -> None:
    async with serving() as gateway:
        item = {"project_id": "p", "data_key": "k", "data": 1}
        many = await batch(gateway, "publish", [item] * (limits.BATCH_ITEMS_MAX + 1))
        async with gateway.house.batches:
            full = await batch(gateway, "publish", [item])
        free = await batch(gateway, "publish", [item])
    assert (many.status, many.fields) == (422, ["items"])
    assert (full.status, full.headers["Retry-After"]) == (503, "1")
    assert (free.status, gateway.written()) == (200, 1)


async def test_a_batch_is_repeated_from_memory_only_when_a_repeat_would_change_nothing() -> None:
    class Flaky(MemoryLog):
        failures = 1

        async def send_each(self, topic: str, messages: object) -> list[Receipt | Exception]:
            assert isinstance(messages, list)
            outcomes = await super().send_each(topic, messages)
            if self.failures:
                self.failures -= 1
                outcomes[-1] = DependencyAway("no acknowledgement")
            return outcomes

    async with serving(log=Flaky()) as gateway:
        items = [{"project_id": "p", "data_key": key, "data": 1} for key in ("a", "b")]
        answers = [await batch(gateway, "publish", items, Idempotency_Key="k") for _ in range(3)]
    assert [one.json["failed"] for one in answers] == [1, 0, 0]
    assert ["Idempotency-Replayed" in one.headers for one in answers] == [False, False, True]
    ids = [[one.get("event_id") for one in answer.json["results"]] for answer in answers]
    assert ids[0][0] == ids[1][0]
    assert ids[1] == ids[2]


async def test_who_waits_is_told_who_was_told() -> None:
    async with serving() as gateway:
        index = gateway.house.world.index
        waiting = asyncio.create_task(gateway.publish("k", 1, Prefer="wait=20"))
        await gateway.until_written()
        key = ValueKey(Scope("t", "p"), "k")
        head = ValueHead(0, "h", complete=True, told={"matched": 2, "retracted": 1})
        await index.switch_value_heads({key: head})
        answer = await waiting
    assert (answer.status, answer.headers["Preference-Applied"]) == (200, "wait=20")
    assert (answer.json["outcome"], answer.json["agents_told"]) == ("routed", 3)
    assert answer.json["told"] == {"matched": 2, "updated": 0, "retracted": 1, "deleted": 0}


async def test_who_waits_in_vain_is_told_that_it_was_accepted() -> None:
    async with serving() as gateway:
        answer = await gateway.publish("k", 1, Prefer="wait=1")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "wait=1")
    assert "outcome" not in answer.json


async def test_a_repeat_may_wait_for_what_the_first_did_not() -> None:
    async with serving() as gateway:
        first = await gateway.publish("k", 1, Idempotency_Key="same")
        key = ValueKey(Scope("t", "p"), "k")
        head = ValueHead(first.json["revision"], "h", complete=True)
        await gateway.house.world.index.switch_value_heads({key: head})
        second = await gateway.publish("k", 1, Idempotency_Key="same", Prefer="wait=5")
    assert (first.status, second.status, second.json["outcome"]) == (202, 200, "routed")
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_who_registers_and_waits_gets_the_first_update() -> None:
    async with serving() as gateway:
        key = AgentKey(Scope("t", "p"), "a")
        cause = Cause(REGISTRATIONS.name, 0, 0)
        update = Update(
            update_id=update_id(cause, key), kind=UpdateKind.INITIAL, agent=key, epoch=0,
            cause=cause, caused_at_ms=NOW_MS, items=(),
        )  # fmt: skip
        partition = partition_for(str(key).encode(), PARTITIONS)

        async def tell() -> None:
            await gateway.until_written(REGISTRATIONS.name)
            gateway.log.append(UPDATES.name, CODEC.encode(update), partition=partition)
            gateway.house.hub.dispatch(gateway.log.partitions[UPDATES.name, partition][-1])

        telling = asyncio.create_task(tell())
        said = {"agent_id": "a", "project_id": "p", "data_needs": ["x"]}
        answer = await gateway.ask("POST", f"{API}/agents/register", said, Prefer="wait=20")
        await telling
    assert answer.status == 200
    assert answer.json["initial"]["data"]["kind"] == "initial"
    assert json.loads(answer.body)["epoch"] == answer.json["initial"]["data"]["epoch"] == 0


async def test_the_cursor_begins_where_the_feed_stood_before_the_registration() -> None:
    async with serving() as gateway:
        for revision in range(3):
            tell(gateway.log, revision)
        item = {"agent_id": "a", "project_id": "p", "data_needs": ["x"]}
        alone = (await gateway.register("a")).json["cursor"]
        together = (await batch(gateway, "register", [item])).json["results"][0]["cursor"]
    assert (alone, together) == (f"{PARTITION}:3", f"{PARTITION}:3")
