"""Looking after the log on the real stack: three planted faults are found by `contex check`, and

dead letters are listed, shown and brought back."""

import http.server
import json
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from consistency import assert_consistent, checked
from index_engines import EngineProcess
from product import CODEC, TENANT, Api, UpdatesLog, raw_producer, read_topic, wait_until
from routing_process import RoutingProcess

import schemas
from contex.check.findings import Kind, Report
from contex.cli.exits import Exit
from contex.local.kafka import Broker
from contex.local.registry import Registry
from contex.local.stack import Stack, StackOptions
from contex.log.admin import Cluster, TopicState
from contex.log.registry import schema_source
from contex.records import (
    AgentKey,
    MatchedNeed,
    Need,
    Publication,
    Registration,
    Scope,
    StreamDelivery,
    Update,
    UpdateKind,
    Value,
    ValueKey,
    update_id,
)
from contex.records.codec import Codec
from contex.records.message import Message, Received
from contex.records.redriven import read_redriven
from contex.settings import Settings
from topology.catalogue import (
    PUBLICATIONS,
    REGISTRATIONS,
    ROUTING_DEAD_LETTER,
    UPDATES,
    WEBHOOKS_DEAD_LETTER,
)
from topology.commands.check import check
from topology.commands.checking import SOURCES, Asked
from topology.commands.dead_letters import dead_letters
from topology.plan import make_plan
from topology.provision import apply as apply_plan
from topology.provision import read

COFFEE_NEED = {"text": "coffee beans", "threshold": 0.2}
IDS_AHEAD = 40
"""A registry gives ids with gaps: so many records wait for the next one."""


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTEX_EMBEDDER", "deterministic")
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(StackOptions(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[UpdatesLog]:
    with UpdatesLog(stack.bootstrap) as log:
        yield log


def command(stack: Stack, group: Any, *words: str) -> Result:
    """Run a command as a person does, over this stack."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap,
        "QDRANT_URL": f"http://127.0.0.1:{stack.index_port}",
        "QDRANT_GRPC_PORT": str(stack.index_port),
    }
    return CliRunner().invoke(group, list(words), env=environment)


@pytest.fixture(scope="module")
def world(stack: Stack, log: UpdatesLog) -> str:
    """Tell two agents of a few values, one of each kind of change; return the project."""
    api = Api(stack.gateway_url, "checked")
    api.register("barista", COFFEE_NEED)
    api.register("fan", {"text": "football matches", "threshold": 0.2})
    for agent in ("barista", "fan"):
        wait_until(partial(log.of, "checked", agent), f"{agent} to be registered")
    for name in ("menu", "board", "stock"):
        api.publish(name, {"drink": "coffee beans", "name": name})
    api.publish("score", {"football": "matches of the league"})
    api.publish("menu", {"drink": "coffee beans", "name": "again"})
    api.publish("board", {"football": "matches again"})
    api.delete("stock")
    wait_until(
        lambda: (
            log.holdings("checked", "barista").keys() == {"menu"}
            and log.holdings("checked", "fan").keys() == {"score", "board"}
        ),
        "both agents to hold what they are owed",
    )
    return "checked"


Change = Callable[[Update], Update | None]


def planted(stack: Stack, change: Change, *more: Update) -> Report:
    """Copy the updates into a fresh topic, each changed, and check with the copy."""
    topic = f"planted-{uuid.uuid4().hex[:8]}"
    settings = {"max.message.bytes": UPDATES.config["max.message.bytes"]}
    Cluster(stack.bootstrap).create([TopicState(topic, UPDATES.partitions, 1, settings)])
    copied: list[Message] = []
    for received in read_topic(stack.bootstrap, UPDATES.name, UPDATES.partitions):
        changed = change(CODEC.update(received))
        if changed is not None:
            copied.append(CODEC.encode(changed))
    with raw_producer(stack.bootstrap) as produce:
        produce(topic, [*copied, *map(CODEC.encode, more)])
    asked = Asked(sources=replace(SOURCES, updates=topic), project="checked")
    return checked(stack.bootstrap, stack.index_port, asked).report


def found(report: Report) -> set[tuple[Kind, str, str]]:
    return {(one.kind, one.agent_id, one.data_key) for one in report.findings}


def of(updates: Sequence[Update], kind: str, data_key: str) -> Update:
    [update] = [one for one in updates if one.kind == kind and one.items[0].data_key == data_key]
    return update


@pytest.mark.promise(1)
@pytest.mark.promise(3)
def test_a_stack_that_did_its_work_is_consistent(stack: Stack, world: str) -> None:
    report = assert_consistent(stack.bootstrap, stack.index_port, Asked(project=world))

    assert report.judged["agents"] == 2
    assert report.judged["values"] == 4
    assert not report.unjudged


@pytest.mark.usefixtures("world")
def test_a_copy_without_a_fault_is_consistent(stack: Stack) -> None:
    assert found(planted(stack, lambda update: update)) == set()


@pytest.mark.parametrize("kind", ["updated", "retracted", "deleted", "initial"])
def test_a_lost_update_is_found(stack: Stack, world: str, log: UpdatesLog, kind: str) -> None:
    lost = [one for one in log.of(world, "barista") if one.kind == kind][-1]

    report = planted(stack, lambda update: None if update.update_id == lost.update_id else update)

    expected = {
        "updated": (Kind.OUTDATED, "barista", "menu"),
        "retracted": (Kind.NOT_ENDED, "barista", "board"),
        "deleted": (Kind.NOT_ENDED, "barista", "stock"),
        "initial": (Kind.NO_INITIAL, "barista", ""),
    }
    assert found(report) == {expected[kind]}


def test_a_spurious_update_is_found(stack: Stack, world: str, log: UpdatesLog) -> None:
    theirs = of(log.of(world, "fan"), UpdateKind.MATCHED, "score")
    barista = log.of(world, "barista")[-1]
    need = MatchedNeed("coffee beans", 0.5, 0.2)
    spurious = replace(
        theirs,
        agent=barista.agent,
        epoch=barista.epoch,
        update_id=update_id(theirs.cause, barista.agent),
        items=(replace(theirs.items[0], needs=(need,)),),
    )

    report = planted(stack, lambda update: update, spurious)

    assert found(report) == {(Kind.SPURIOUS, "barista", "score")}


def test_a_wrong_revision_is_found(stack: Stack, world: str, log: UpdatesLog) -> None:
    right = of(log.of(world, "barista"), UpdateKind.UPDATED, "menu")
    item = replace(right.items[0], revision=right.items[0].revision + 1_000)
    wrong = replace(right, items=(item,))

    report = planted(stack, lambda update: wrong if update.update_id == right.update_id else update)

    assert found(report) == {(Kind.WRONG_REVISION, "barista", "menu")}


def test_the_command_says_what_it_finds_with_its_status(
    stack: Stack, world: str, log: UpdatesLog
) -> None:
    fine = command(stack, check, "--project", world, "--wait", "30")
    assert (fine.exit_code, "Consistent." in fine.stdout) == (Exit.OK, True), fine.output

    other = Api(stack.gateway_url, "spoilt")
    epoch = other.register("reader", COFFEE_NEED)["epoch"]
    other.publish("menu", {"drink": "coffee beans"})
    update = log.wait_for("spoilt", "reader", "matched", "menu")
    item = replace(update.items[0], revision=update.items[0].revision + 5_000)
    with raw_producer(stack.bootstrap) as produce:
        produce(UPDATES.name, [CODEC.encode(replace(update, items=(item,), epoch=epoch))])

    spoilt = command(stack, check, "--project", "spoilt", "--wait", "30", "--json")

    assert spoilt.exit_code == Exit.FAILED, spoilt.output
    told = json.loads(spoilt.stdout)
    assert told["counts"] == {"wrong-revision": 1}
    assert told["findings"][0]["place"].startswith(UPDATES.name)


def test_a_kafka_that_is_away_is_told_by_its_status() -> None:
    away = CliRunner().invoke(
        dead_letters, ["list"], env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    )

    assert away.exit_code == Exit.UNAVAILABLE, away.output


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Endpoint)
        self.server.ids.append(self.headers["webhook-id"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Endpoint(http.server.ThreadingHTTPServer):
    """Answers with one status, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 410
        self.ids: list[str] = []


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(stack: Stack, *words: str) -> list[dict[str, Any]]:
    told = command(stack, dead_letters, "list", "--json", *words)
    assert told.exit_code == Exit.OK, told.output
    return list(json.loads(told.stdout)["dead_letters"])


@pytest.mark.promise(1)
def test_an_update_that_was_given_up_is_delivered_under_its_id(stack: Stack) -> None:
    project = "hooked"
    api = Api(stack.gateway_url, project)
    with endpoint() as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        api.register("hook", COFFEE_NEED, notification_method="webhook", webhook_url=url)
        letters = wait_until(
            lambda: listed(stack, "--stage", "webhooks", "--project", project), "a dead letter"
        )
        given_up = list(server.ids)
        server.status = 204

        [letter] = letters
        told = command(stack, dead_letters, "redrive", letter["place"], "--yes")

        assert told.exit_code == Exit.OK, told.output
        wait_until(lambda: len(server.ids) > len(given_up), "the update to be sent again")
        assert set(server.ids) == set(given_up)
    assert letter["error_class"] == "contex.errors.SubscriberError"
    [after] = listed(stack, "--stage", "webhooks", "--project", project)
    assert after["redriven"]["to"].startswith("contex.webhooks.retry.5s:")
    again = command(stack, dead_letters, "redrive", letter["place"], "--yes")
    assert (again.exit_code, "already-redriven" in again.stdout) == (Exit.OK, True)
    assert len(read_topic(stack.bootstrap, WEBHOOKS_DEAD_LETTER.name, 3)) == 2  # with its note


def test_poison_is_listed_shown_and_skipped_once_it_is_stale(stack: Stack) -> None:
    project = "poisoned"
    key = f"{TENANT}/{project}/menu".encode()
    with raw_producer(stack.bootstrap) as produce:
        produce(PUBLICATIONS.name, [Message(key, b"\xff\xfenot avro", (("mine", b"kept"),))])
    [letter] = wait_until(lambda: listed(stack, "--project", project), "a dead letter")
    assert (letter["name"], letter["redriven"]) == ("menu", None)

    shown = command(stack, dead_letters, "show", letter["place"])
    assert shown.exit_code == Exit.OK, shown.output
    assert "mine: kept" in shown.stdout
    assert "ff fe 6e 6f 74" in shown.stdout

    dry = command(stack, dead_letters, "redrive", "--project", project, "--dry-run")
    assert (dry.exit_code, "1 redrive" in dry.stderr) == (Exit.OK, True), dry.output
    Api(stack.gateway_url, project).publish("menu", {"drink": "coffee"})
    stale = command(stack, dead_letters, "redrive", "--project", project, "--yes", "--json")
    assert stale.exit_code == Exit.FAILED
    assert json.loads(stale.stdout)["counts"] == {"stale": 1}
    assert_consistent(stack.bootstrap, stack.index_port, Asked(project=project))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["show", "contex.routing.dead-letter:0:999999"], Exit.NOT_FOUND),
        (["show", "contex.updates:0:0"], Exit.USAGE),
        (["show", "nowhere"], Exit.USAGE),
        (["redrive"], Exit.USAGE),
        (["redrive", "--all"], Exit.USAGE),
        (["redrive", "contex.routing.dead-letter:0:0", "--all", "--yes"], Exit.USAGE),
        (["redrive", "contex.routing.dead-letter:0:999999", "--yes"], Exit.NOT_FOUND),
        (["redrive", "--project", "nobody", "--yes"], Exit.OK),
        (["list", "--since", "sometime"], Exit.USAGE),
    ],
)
def test_a_command_that_cannot_be_done_ends_with_its_status(
    stack: Stack, words: list[str], status: Exit
) -> None:
    told = command(stack, dead_letters, *words)

    assert told.exit_code == status, told.output


def publication(name: str) -> Publication:
    key = ValueKey(Scope(TENANT, "mended"), name)
    return Publication(key, Value(b"coffee beans of the day", "text/plain"), name, 1_000)


def next_schema(url: str) -> int:
    """Register a new version of the publication's schema and return its id."""
    schema = json.loads(schemas.current("publication"))
    field = {"name": "origin", "type": ["null", "string"], "default": None}
    schema["fields"].append(field)
    body = json.dumps({"schema": json.dumps(schema)}).encode()
    request = urllib.request.Request(
        f"{url}/subjects/{PUBLICATIONS.name}-value/versions",
        body,
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["id"])


@pytest.mark.promise(7)
def test_a_record_of_a_schema_that_came_late_is_redriven_and_routed(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    broker = Broker(tmp_path / "kafka")
    engine = EngineProcess(tmp_path / "index")
    with ExitStack() as running:
        running.callback(registry.kill)
        registry.start()
        running.callback(broker.kill)
        broker.start()
        running.callback(engine.kill)
        engine.start()
        bootstrap = broker.bootstrap
        cluster = Cluster(bootstrap)
        apply_plan(cluster, make_plan(read(cluster)))
        codec = Codec(schema_source(Settings.model_validate({"schema_registry_url": registry.url})))
        named = {"SCHEMA_REGISTRY_URL": registry.url}
        worker = RoutingProcess(bootstrap, engine.port, tmp_path, named)
        running.callback(worker.kill)
        with UpdatesLog(bootstrap) as log, raw_producer(bootstrap) as produce:
            log.codec = codec
            worker.start()
            key = AgentKey(Scope(TENANT, "mended"), "reader")
            need = Need("coffee beans", 0.2)
            produce(
                REGISTRATIONS.name,
                [codec.encode(Registration(key, (need,), StreamDelivery(), "r", 1_000))],
            )
            good = codec.encode(publication("probe"))
            newest = int.from_bytes((good.value or b"")[1:5])
            ids = range(newest + 1, newest + 1 + IDS_AHEAD)
            produce(PUBLICATIONS.name, [unknown(codec, number) for number in ids])
            topic = ROUTING_DEAD_LETTER
            letters: list[Received] = wait_until(
                lambda: len(some := read_topic(bootstrap, topic.name, 3)) >= IDS_AHEAD and some,
                f"{IDS_AHEAD} dead letters",
            )
            assert len(letters) == IDS_AHEAD
            late = next_schema(registry.url)
            assert late in ids, f"expected an id in {ids}, got {late}"
            assert worker.terminate() == 0  # an unknown id is remembered for a minute
            worker.start()

            told = redrive_late(bootstrap, registry.url, late)

            assert told.exit_code == Exit.OK, told.output
            update = log.wait_for("mended", "reader", "matched", f"late-{late}")
            again = [
                record
                for record in read_topic(bootstrap, PUBLICATIONS.name, PUBLICATIONS.partitions)
                if read_redriven(record.headers)
            ]
            assert [record.offset for record in again] == [update.items[0].revision]


def unknown(codec: Codec, schema_id: int) -> Message:
    """Return a publication written with a schema that nobody has registered."""
    message = codec.encode(publication(f"late-{schema_id}"))
    value = message.value or b""
    # The new field's default is null, the first branch of its union.
    return replace(message, value=b"\0" + schema_id.to_bytes(4) + value[5:] + b"\0")


def redrive_late(bootstrap: str, registry_url: str, schema_id: int) -> Result:
    environment: Mapping[str, str] = {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "SCHEMA_REGISTRY_URL": registry_url,
    }
    words = ["redrive", "--key", f"late-{schema_id}", "--yes"]
    return CliRunner().invoke(dead_letters, words, env=environment)
