"""The promises of docs/guarantees.md: real Kafka, index and model, through public surfaces."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from consistency import assert_consistent
from product import (
    CODEC,
    TENANT,
    Api,
    Refused,
    UpdatesLog,
    raw_producer,
    read_topic,
    wait_until,
)

from contex.local.stack import Stack, StackOptions
from contex.records import (
    AgentKey,
    Need,
    Publication,
    Registration,
    Scope,
    StreamDelivery,
    Value,
    ValueKey,
)
from contex.records.dead_letter import read_headers
from contex.records.message import Message, Received
from topology.catalogue import PUBLICATIONS, REGISTRATIONS, ROUTING_DEAD_LETTER
from topology.commands.checking import Asked

COFFEE = {"drink": "espresso coffee", "beans": "roasted arabica coffee beans"}
COFFEE_AGAIN = {"drink": "filter coffee", "beans": "light roast coffee beans"}
FOOTBALL = {"sport": "football", "league": "the match ended two to one"}
COFFEE_NEED = "coffee beans and coffee drinks"
FOOTBALL_NEED = "football matches and leagues"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(StackOptions(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[UpdatesLog]:
    with UpdatesLog(stack.bootstrap) as log:
        yield log


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack.gateway_url, f"p-{uuid.uuid4().hex[:8]}")


def now_ms() -> int:
    return int(time.time() * 1000)


def join(api: Api, log: UpdatesLog, agent: str, *needs: object) -> None:
    """Register an agent and wait until it has its initial context, with which it counts."""
    epoch = api.register(agent, *needs)["epoch"]

    def welcomed() -> bool:
        told = log.of(api.project, agent)
        return any(update.epoch == epoch and update.kind == "initial" for update in told)

    wait_until(welcomed, f"{agent} to have its initial context")


def publication(tenant: str, project: str, data_key: str, content: bytes) -> Publication:
    key = ValueKey(Scope(tenant, project), data_key)
    return Publication(key, Value(content), str(uuid.uuid4()), now_ms())


@pytest.mark.promise(1)
def test_an_accepted_publish_reaches_every_agent_whose_need_matches(
    api: Api, log: UpdatesLog
) -> None:
    join(api, log, "barista", COFFEE_NEED)
    join(api, log, "roaster", {"text": COFFEE_NEED, "threshold": 0.3})
    join(api, log, "fan", FOOTBALL_NEED)

    revision = api.publish("menu", COFFEE)

    for agent in ("barista", "roaster"):
        update = log.wait_for(api.project, agent, "matched", "menu")
        assert revision == update.items[0].revision
    api.publish("score", FOOTBALL)
    log.wait_for(api.project, "fan", "matched", "score")
    assert {"score"} == set(log.holdings(api.project, "fan"))


@pytest.mark.promise(2)
def test_a_late_agent_sees_early_data_and_an_early_agent_late_data(
    api: Api, log: UpdatesLog
) -> None:
    join(api, log, "early", COFFEE_NEED)
    revision = api.publish("menu", COFFEE)
    log.wait_for(api.project, "early", "matched", "menu")
    join(api, log, "late", COFFEE_NEED)

    update = log.wait_for(api.project, "late", "initial", "menu")

    assert [("menu", revision)] == [(item.data_key, item.revision) for item in update.items]
    assert b"espresso" in (update.items[0].content or b"")


@pytest.mark.promise(2)
def test_of_racing_publishes_and_registrations_every_agent_ends_up_knowing(
    stack: Stack, api: Api, log: UpdatesLog
) -> None:
    pairs = 20
    with ThreadPoolExecutor(8) as pool:
        racing: list[Future[object]] = []
        for n in range(pairs):
            racing.append(pool.submit(api.publish, f"menu-{n}", {**COFFEE, "table": n}))
            racing.append(pool.submit(api.register, f"agent-{n}", COFFEE_NEED))
        for one in racing:
            one.result()

    expected = {f"menu-{n}" for n in range(pairs)}

    def holds_all(agent: str) -> bool:
        return expected == set(log.holdings(api.project, agent))

    for n in range(pairs):
        wait_until(partial(holds_all, f"agent-{n}"), f"agent-{n} to hold all {pairs} values")
    assert_consistent(stack.bootstrap, stack.index_port, Asked(project=api.project))


@pytest.mark.promise(3)
def test_update_retraction_and_deletion_are_told(api: Api, log: UpdatesLog) -> None:
    join(api, log, "barista", COFFEE_NEED)
    api.publish("board", COFFEE)
    log.wait_for(api.project, "barista", "matched", "board")

    second = api.publish("board", COFFEE_AGAIN)
    assert second == log.wait_for(api.project, "barista", "updated", "board").items[0].revision

    third = api.publish("board", FOOTBALL)
    retracted = log.wait_for(api.project, "barista", "retracted", "board")
    assert (third, None) == (retracted.items[0].revision, retracted.items[0].content)
    assert log.holdings(api.project, "barista") == {}

    api.publish("board", COFFEE)
    wait_until(lambda: log.holdings(api.project, "barista"), "the value to be held again")
    fifth = api.delete("board")
    assert fifth == log.wait_for(api.project, "barista", "deleted", "board").items[0].revision
    assert log.holdings(api.project, "barista") == {}


@pytest.mark.promise(3)
def test_the_same_content_again_is_told_to_nobody(api: Api, log: UpdatesLog) -> None:
    join(api, log, "barista", COFFEE_NEED)
    first = api.publish("board", COFFEE)
    log.wait_for(api.project, "barista", "matched", "board")
    api.publish("board", COFFEE)
    third = api.publish("board", COFFEE_AGAIN)

    log.wait_for(api.project, "barista", "updated", "board")

    told = [update for update in log.of(api.project, "barista") if update.items]
    assert [first, third] == [update.items[0].revision for update in told]


@pytest.mark.promise(4)
def test_a_thousand_needs_that_match_one_value_are_all_told(
    stack: Stack, api: Api, log: UpdatesLog
) -> None:
    agents = [f"agent-{number}" for number in range(1000)]
    scope = Scope(TENANT, api.project)
    registrations = [
        Registration(
            AgentKey(scope, agent),
            (Need(COFFEE_NEED),),
            StreamDelivery(),
            str(uuid.uuid4()),
            now_ms(),
        )
        for agent in agents
    ]
    with raw_producer(stack.bootstrap) as produce:
        produce(REGISTRATIONS.name, [CODEC.encode(one) for one in registrations])
    for agent in agents:
        wait_until(partial(log.of, api.project, agent), f"{agent} to be registered", 120)

    revision = api.publish("menu", COFFEE)

    def told() -> set[str]:
        return {
            update.agent.agent_id
            for update, _ in list(log.told)
            if update.agent.scope == scope
            and update.kind == "matched"
            and update.items[0].revision == revision
        }

    wait_until(lambda: told() == set(agents), "all 1,000 agents to be told")
    assert_consistent(stack.bootstrap, stack.index_port, Asked(project=api.project))


@pytest.mark.promise(5)
def test_versions_of_a_key_are_told_in_order_and_a_feed_resumes(api: Api, log: UpdatesLog) -> None:
    join(api, log, "barista", COFFEE_NEED)
    revisions = [api.publish("board", {**COFFEE, "version": n}) for n in range(40)]

    wait_until(
        lambda: log.holdings(api.project, "barista") == {"board": revisions[-1]},
        "the last version to be held",
    )

    told = [update.items[0].revision for update in log.of(api.project, "barista") if update.items]
    assert sorted(set(told)) == list(dict.fromkeys(told)), "expected ascending revisions"


@pytest.mark.promise(6)
def test_two_tenants_with_the_same_names_see_nothing_of_each_other(
    stack: Stack, api: Api, log: UpdatesLog
) -> None:
    project = api.project
    other = Registration(
        AgentKey(Scope("globex", project), "barista"),
        (Need(COFFEE_NEED),),
        StreamDelivery(),
        str(uuid.uuid4()),
        now_ms(),
    )
    join(api, log, "barista", COFFEE_NEED)
    with raw_producer(stack.bootstrap) as produce:
        produce(REGISTRATIONS.name, [CODEC.encode(other)])
        wait_until(lambda: log.of(project, "barista", "globex"), "globex's agent to be registered")
        mine = api.publish("menu", {**COFFEE, "owner": "mine"})
        theirs = publication("globex", project, "menu", b'{"coffee": "their coffee beans"}')
        [their_revision] = produce(PUBLICATIONS.name, [CODEC.encode(theirs)])

    for tenant, revision in ((TENANT, mine), ("globex", their_revision)):
        wait_until(partial(log.holdings, project, "barista", tenant), f"{tenant} to be told")
        assert {"menu": revision} == log.holdings(project, "barista", tenant)
        for update in log.of(project, "barista", tenant):
            assert all(b"their" in (i.content or b"") for i in update.items) == (
                tenant == "globex" or not update.items
            )
    with pytest.raises(Refused) as refused:
        api.call("GET", f"/projects/{project}/data/menu?revision={their_revision + 10_000}")
    assert refused.value.status == 404


def _poison(project: str) -> dict[str, Message]:
    good = CODEC.encode(publication(TENANT, project, "good", b'{"a": "coffee"}'))
    assert good.value is not None
    wrong_key = f"{TENANT}/{project}/another".encode()
    return {
        "bytes": Message(f"{TENANT}/{project}/bytes".encode(), b"\xff\xfenot avro", ()),
        "unknown schema id": Message(
            f"{TENANT}/{project}/good".encode(), b"\0\0\x0f\x42\x40" + good.value[5:], good.headers
        ),
        "key disagrees": Message(wrong_key, good.value, good.headers),
        "no key form": Message(b"no-slashes", good.value, good.headers),
    }


@pytest.mark.promise(7)
def test_poison_records_are_dead_lettered_and_the_partition_goes_on(
    stack: Stack, api: Api, log: UpdatesLog
) -> None:
    join(api, log, "barista", COFFEE_NEED)
    poison = _poison(api.project)
    with raw_producer(stack.bootstrap) as produce:
        offsets = produce(PUBLICATIONS.name, list(poison.values()))
    api.publish("menu", COFFEE)
    log.wait_for(api.project, "barista", "matched", "menu")

    def letters() -> dict[bytes | None, Received]:
        found = read_topic(
            stack.bootstrap, ROUTING_DEAD_LETTER.name, ROUTING_DEAD_LETTER.partitions
        )
        keys = {message.key for message in poison.values()}
        return {letter.key: letter for letter in found if letter.key in keys}

    found = wait_until(
        lambda: len(found := letters()) == len(poison) and found,
        f"{len(poison)} dead letters",
    )
    for message, offset in zip(poison.values(), offsets, strict=True):
        letter = found[message.key]
        assert message.value == letter.value
        info = read_headers(letter.headers)
        assert (PUBLICATIONS.name, offset) == (info.topic, info.offset)
        assert info.stage == "routing"
        assert info.message


@pytest.mark.promise(7)
def test_bad_rest_input_names_the_field(api: Api) -> None:
    cases: list[tuple[str, str, dict[str, object], str]] = [
        ("POST", "/data/publish", {"project_id": "a/b", "data_key": "k", "data": 1}, "project_id"),
        ("POST", "/data/publish", {"project_id": "p", "data_key": "", "data": 1}, "data_key"),
        ("POST", "/data/publish", {"project_id": "p", "data_key": "k"}, "data"),
        (
            "POST",
            "/data/publish",
            {"project_id": "p", "data_key": "k", "data": "a = [", "data_format": "toml"},
            "data",
        ),
        (
            "POST",
            "/agents/register",
            {"project_id": "p", "agent_id": "a", "data_needs": "coffee"},
            "data_needs",
        ),
        (
            "POST",
            "/agents/register",
            {
                "project_id": "p",
                "agent_id": "a",
                "data_needs": ["coffee"],
                "notification_method": "webhook",
            },
            "webhook_url",
        ),
    ]
    for method, path, body, field in cases:
        with pytest.raises(Refused) as refused:
            api.call(method, path, body)
        assert refused.value.status == 422, refused.value
        named = [error["field"] for error in refused.value.problem["errors"]]
        assert any(name == field or name.startswith(f"{field}.") for name in named), named


@pytest.mark.promise(8)
def test_the_index_can_be_deleted_and_every_answer_is_the_same(tmp_path: Path) -> None:
    project = "rebuilt"
    data = tmp_path / "data"
    with Stack(StackOptions(data)) as stack, UpdatesLog(stack.bootstrap) as log:
        api = Api(stack.gateway_url, project)
        for number in range(10):
            api.publish(f"menu-{number}", {**COFFEE, "table": number})
        api.publish("score", FOOTBALL)
        api.publish("menu-0", FOOTBALL)
        api.delete("menu-1")
        join(api, log, "barista", COFFEE_NEED)
        answer = wait_until(
            lambda: len(found := _answers_again(api, log, project)) == 8 and found,
            "a first answer with the 8 values that are left",
        )

    wait_until(lambda: not (data / "run.json").exists(), "the stack to be down")
    folder = data / "index"
    assert folder.is_dir(), f"expected the index in {folder}, found {list(data.iterdir())}"
    folder.rename(tmp_path / "thrown-away")

    with Stack(StackOptions(data)) as stack, UpdatesLog(stack.bootstrap) as log:
        api = Api(stack.gateway_url, project)
        # While the log is replayed, the old agent is told of a new value by `matched` or, if its
        # registration comes later, by `initial`; either way it ends up holding it.
        api.publish("last", COFFEE)
        wait_until(lambda: "last" in log.holdings(project, "barista"), "the new value to be held")
        api.delete("last")
        wait_until(lambda: "last" not in log.holdings(project, "barista"), "the deletion")
        wait_until(
            lambda: _answers_again(api, log, project) == answer,
            "a new agent to get the same answer from the rebuilt index",
        )
        assert_consistent(stack.bootstrap, stack.index_port)


def _answers_again(api: Api, log: UpdatesLog, project: str) -> dict[str, tuple[int, float]]:
    agent = f"again-{uuid.uuid4().hex[:6]}"
    join(api, log, agent, COFFEE_NEED)
    return _answers(log, project, agent)


def _answers(log: UpdatesLog, project: str, agent: str) -> dict[str, tuple[int, float]]:
    """Return revision and score of everything in the agent's newest initial context."""
    initial = [update for update in log.of(project, agent) if update.kind == "initial"][-1]
    return {item.data_key: (item.revision, round(item.score, 5)) for item in initial.items}
