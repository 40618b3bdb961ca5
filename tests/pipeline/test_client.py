"""The client on the whole product: readers that resume through restarts, webhooks, every call."""

import http.server
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client_readers import AwaitingReader, BlockingReader, KafkaReader, Reader, Told
from product import CODEC, TENANT, raw_producer, read_topic, wait_until

from contex.client import (
    Contex,
    Exclusion,
    Failure,
    InvalidRequest,
    Need,
    NotFound,
    Publish,
    Published,
    verify_webhook,
)
from contex.local.stack import Stack, StackOptions
from contex.records.holdings import Holdings
from contex.records.message import Message, Received
from topology.catalogue import UPDATES

Figure = Callable[[str], None]

KEYS = [f"menu/{n}" for n in range(6)]
NEED = "coffee beans menu"
MATCHING = "coffee beans menu"
OTHER = "football league results"
STEPS = 90
RESTARTS = ("gateway", "broker", "gateway")
ECHOES = 2
SETTLE_S = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = StackOptions(
        tmp_path_factory.mktemp("stack"), environment={"CONTEX_EMBEDDER": "deterministic"}
    )
    with Stack(options) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[Contex]:
    """A client that outlasts a restart."""
    project = f"p-{uuid.uuid4().hex[:8]}"
    with Contex(stack.gateway_url, project=project, timeout_s=60, retries_max=100) as client:
        yield client


def feed(stack: Stack, project: str, agent: str) -> list[Received]:
    """Return the records of one agent's feed as they stand in the topic."""
    key = f"{TENANT}/{project}/{agent}".encode()
    return [
        one
        for one in read_topic(stack.bootstrap, UPDATES.name, UPDATES.partitions)
        if one.key == key
    ]


def by_the_rule(records: list[Received]) -> list[Told]:
    """Return what a reader must be told of them."""
    holdings = Holdings()
    told: list[Told] = []
    for one in records:
        update = CODEC.update(one)
        items = holdings.news(update)
        if items is not None:
            keys = tuple((item.data_key, item.revision) for item in items)
            told.append(Told(update.epoch, str(update.update_id), update.kind.value, keys))
    return told


class Schedule:
    """Does at random what a project's life is made of, and knows what the agent must then hold."""

    def __init__(self, stack: Stack, client: Contex, chance: random.Random) -> None:
        self.stack = stack
        self.client = client
        self.chance = chance
        self.held: dict[str, Any] = {}
        self.done = 0
        special = chance.sample(range(5, STEPS), len(RESTARTS) + ECHOES)
        acts = [*[(self.restart, name) for name in RESTARTS], *[(self.echo, "")] * ECHOES]
        self.special = dict(zip(special, acts, strict=True))
        self.special[chance.randrange(5)] = (self.register, "")

    def run(self) -> None:
        for step in range(STEPS):
            if step in self.special:
                act, argument = self.special[step]
                act(argument)
            else:
                self.write(step)

    def write(self, step: int) -> None:
        key = self.chance.choice(KEYS)
        kind = self.chance.random()
        if kind < 0.2:
            self.client.delete(key)
            self.held.pop(key, None)
        elif kind < 0.4:
            self.client.publish(key, {"about": OTHER, "n": step})
            self.held.pop(key, None)
        else:
            data = {"about": MATCHING, "n": step}
            self.client.publish(key, data)
            self.held[key] = data

    def restart(self, name: str) -> None:
        self.stack.kill(name)

    def register(self, _: str) -> None:
        self.client.register("reader", [NEED])

    def echo(self, _: str) -> None:
        """Write some of the feed once more: a redelivery, late and out of order."""
        project = self.client.project
        assert project is not None
        self.stack.wait_ready()
        records = feed(self.stack, project, "reader")
        again = self.chance.sample(records, min(8, len(records)))
        messages = [Message(one.key or b"", one.value, one.headers) for one in again]
        with raw_producer(self.stack.bootstrap) as produce:
            produce(UPDATES.name, messages)


def until_it_holds(reader: Reader, held: dict[str, Any], seed: int) -> None:
    wait_until(
        lambda: reader.error or reader.state == held,
        f"{type(reader).__name__} to hold {held}, seed {seed}",
        SETTLE_S,
    )


def check_told(reader: Reader, expected: list[Told], seed: int) -> None:
    """Check that nothing was left out.

    The gateway begins at the newest registration: of an older one a reader that was cut off may
    have been told the beginning alone.
    """
    newest = expected[-1].epoch

    def of(told: list[Told], *, epoch: int) -> list[Told]:
        return [one for one in told if one.epoch == epoch]

    def is_complete() -> bool:
        return of(reader.told, epoch=newest) == of(expected, epoch=newest)

    name = f"{type(reader).__name__}, seed {seed}"
    wait_until(lambda: reader.error or is_complete(), f"all of the newest epoch: {name}")
    if reader.error is not None:
        raise reader.error
    for epoch in {one.epoch for one in expected}:
        told, whole = of(reader.told, epoch=epoch), of(expected, epoch=epoch)
        assert told == whole[: len(told)], name
        assert len(told) == len(whole) or (epoch < newest and not isinstance(reader, KafkaReader))


def test_readers_resume_through_restarts_without_a_gap_or_a_wrong_state(
    stack: Stack, client: Contex, figure: Figure
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    figure(f"seed {seed}")
    project = str(client.project)
    registered = client.register("reader", [NEED])
    cursor = registered.cursor
    with ExitStack() as open_:
        readers: list[Reader] = [
            open_.enter_context(reader)
            for reader in (
                BlockingReader(stack.gateway_url, project, "reader", cursor),
                AwaitingReader(stack.gateway_url, project, "reader", cursor),
                KafkaReader(stack.bootstrap, project, "reader", cursor),
            )
        ]
        schedule = Schedule(stack, client, random.Random(seed))
        schedule.run()
        stack.wait_ready()
        client.publish("last", {"about": MATCHING, "n": STEPS})
        schedule.held["last"] = {"about": MATCHING, "n": STEPS}
        for reader in readers:
            until_it_holds(reader, schedule.held, seed)
        expected = by_the_rule(feed(stack, project, "reader"))
        for reader in readers:
            check_told(reader, expected, seed)
            assert reader.holdings() == reader.state == schedule.held
    figure(f"{len(expected)} updates told alike to {len(readers)} readers, {len(RESTARTS)} kills")


def test_a_real_delivery_is_verified(client: Contex) -> None:
    delivered: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivered.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    client.publish("menu", {"about": MATCHING}, wait_s=20)
    registered = client.register("hooked", [NEED], webhook_url=url)
    assert registered.webhook_secret is not None
    wait_until(lambda: delivered, "a delivery")
    server.shutdown()
    server.server_close()
    headers, body = delivered[0]
    update = verify_webhook(body, headers, registered.webhook_secret)
    assert (update.kind, update.agent_id, update.epoch) == ("initial", "hooked", registered.epoch)
    assert [item.data for item in update.items] == [{"about": MATCHING}]


def test_every_call_does_what_it_says(client: Contex) -> None:
    many = client.publish_many(
        [
            Publish(f"many/{n}", f"{MATCHING} {n}", metadata={"team": "a" if n else "b"})
            for n in range(3)
        ]
        + [Publish("bad", "a: [", data_format="yaml")]
    )
    assert [type(one) for one in many] == [Published] * 3 + [Failure]
    assert isinstance(many[3], Failure)
    assert many[3].fields, "expected the failure to name a field"

    told = client.publish("big", f"{MATCHING}\n" * 8_000, wait_s=20)
    assert (told.outcome, told.agents_told) == ("routed", 0)
    again = client.publish("once", MATCHING, idempotency_key="k-1")
    repeat = client.publish("once", MATCHING, idempotency_key="k-1")
    assert (again.event_id, again.revision) == (repeat.event_id, repeat.revision)
    assert repeat.replayed

    assert client.value("big").data == f"{MATCHING}\n" * 8_000
    assert client.value("once", revision=again.revision).content == MATCHING.encode()
    with pytest.raises(NotFound):
        client.value("never")

    need = Need(NEED, 0.3, {"team": ("a",)}, (Exclusion(OTHER, 0.9),))
    registered = client.register("picky", [need], wait_s=20)
    assert registered.initial is not None
    assert {item.data_key for item in registered.initial.items} == {"many/1", "many/2"}
    assert client.agent("picky").needs == (need,)
    changed = client.change("picky", needs=[NEED])
    assert changed.epoch > registered.epoch
    with client.updates("picky", cursor=changed.cursor) as updates:
        initial = next(updates)
        by_key = {item.data_key: item for item in initial.items}
        assert not by_key["big"].body.known
        assert by_key["big"].data == f"{MATCHING}\n" * 8_000, "fetched when it is looked at"
    assert [one.agent_id for one in client.agents()] == ["picky"]

    wait_until(lambda: len(list(client.values())) == 5, "five values to be listed")
    assert [one.data_key for one in client.values(prefix="many/")] == [
        f"many/{n}" for n in range(3)
    ]
    found = client.query(NEED, top_k=2, filters={"team": "a"})
    assert {match.data_key for match in found.matches} == {"many/1", "many/2"}
    assert [len(one.matches) > 0 for one in client.query_many([NEED, MATCHING])] == [True, True]
    with pytest.raises(InvalidRequest, match="top_k"):
        client.query(NEED, top_k=0)

    assert client.delete("once", wait_s=20).outcome == "routed"
    client.unregister("picky")
    with pytest.raises(NotFound):
        client.agent("picky")
