"""kill -9 of every process, again and again, while values are published (promise 1).

Real processes on a real Kafka; the stack's own supervisor restarts each on its data.
"""

import http.client
import http.server
import itertools
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from consistency import assert_consistent
from product import Api, Refused, UpdatesLog, read_topic, wait_until

from contex.local.stack import Stack, StackOptions
from topology.catalogue import ROUTING_DEAD_LETTER, WEBHOOKS_DEAD_LETTER

Figure = Callable[[str], None]

PROJECT = "faults"
VALUES = 2_000
CLIENTS = 4
KILLS_EACH = 3
VICTIMS = ("routing-1", "webhooks", "gateway", "index", "broker")
NEED = {"text": "orders that were shipped to a customer", "threshold": 0.2}
RETRY_S = 0.2
PACE_S = 0.18
DRAIN_S = 240.0


class Receiver(http.server.ThreadingHTTPServer):
    """Counts what a webhook subscriber is sent, by update id."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ids: Counter[str] = Counter()
        self.values: set[str] = set()

    def note(self, body: bytes, update_id: str) -> None:
        payload = json.loads(body)
        self.values |= {item["data_key"] for item in payload["data"]["items"]}
        self.ids[update_id] += 1


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        self.server.note(body, self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Publishers:
    """Clients that publish numbered values, each until it is acknowledged, at an even pace."""

    def __init__(self, api: Api, count: int) -> None:
        self._api = api
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self.hurry = threading.Event()
        self.given_up = False
        self.acknowledged: dict[str, tuple[int, float]] = {}
        self.repeats = 0

    def run(self) -> None:
        """Publish until all numbers are taken."""
        while not self.given_up and (number := self._next()) is not None:
            self._publish(number)
            self.hurry.wait(PACE_S)

    def reached(self, count: int) -> bool:
        """Say whether so many publishes were acknowledged."""
        return len(self.acknowledged) >= count

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _publish(self, number: int) -> None:
        data_key = f"order-{number}"
        value = {"status": "the order was shipped to the customer", "order": number}
        while not self.given_up:
            at = time.time()
            if (revision := self._attempt(data_key, value)) is not None:
                self.acknowledged[data_key] = (revision, at)
                return
            self.repeats += 1
            time.sleep(RETRY_S)

    def _attempt(self, data_key: str, value: object) -> int | None:
        try:
            return self._api.publish(data_key, value)
        except Refused as error:
            if error.status < 500:
                raise
        except (OSError, http.client.HTTPException, ValueError):
            """The gateway was killed before or in the middle of its answer."""
        return None


@contextmanager
def publishing(api: Api, count: int) -> Iterator[Publishers]:
    """Publish in the background; on leaving, publish the rest at full speed and wait."""
    publishers = Publishers(api, count)
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(publishers.run) for _ in range(CLIENTS)]
        try:
            yield publishers
        except BaseException:
            publishers.given_up = True  # the test has failed: a gateway that is away may stay so
            raise
        finally:
            publishers.hurry.set()
        for job in jobs:
            job.result()


def told_values(log: UpdatesLog, agent: str) -> set[str]:
    return {item.data_key for update in log.of(PROJECT, agent) for item in update.items}


@pytest.mark.promise(1)
def test_nothing_acknowledged_is_lost_while_every_process_is_killed(
    tmp_path: Path, figure: Figure
) -> None:
    with (
        Stack(StackOptions(tmp_path / "data")) as stack,
        UpdatesLog(stack.bootstrap) as log,
        receiver() as hooked,
    ):
        api = Api(stack.gateway_url, PROJECT)
        url = f"http://127.0.0.1:{hooked.server_port}/"
        api.register("hooked", NEED, notification_method="webhook", webhook_url=url)
        api.register("reader", NEED)
        with publishing(api, VALUES) as publishers:
            for victim in itertools.chain.from_iterable([VICTIMS] * KILLS_EACH):
                before = len(publishers.acknowledged)
                stack.kill(victim)
                stack.wait_ready(90)
                figure(f"killed {victim}: {before} acknowledged before, serving again")
        expected = set(publishers.acknowledged)
        assert len(expected) == VALUES

        for agent in ("reader", "hooked"):
            told_all = partial(lambda name: expected <= told_values(log, name), agent)
            wait_until(told_all, f"{agent} to be told all {VALUES} values", DRAIN_S)
        wait_until(lambda: expected <= hooked.values, "every value at the webhook", DRAIN_S)
        _duplicates_have_equal_ids(log)
        told_ids = {str(update.update_id) for update in log.of(PROJECT, "hooked")}
        assert set(hooked.ids) <= told_ids
        for topic in (ROUTING_DEAD_LETTER, WEBHOOKS_DEAD_LETTER):
            assert read_topic(stack.bootstrap, topic.name, topic.partitions) == []
        began = time.monotonic()
        report = assert_consistent(stack.bootstrap, stack.index_port)
        figure(
            f"checked in {time.monotonic() - began:.1f} s: {dict(report.judged)},"
            f" not judged: {dict(report.unjudged)}"
        )
        repeated = len(log.of(PROJECT, "reader")) - len(
            {update.update_id for update in log.of(PROJECT, "reader")}
        )
        figure(
            f"{VALUES} acknowledged, 0 lost; publishes repeated by clients: {publishers.repeats};"
            f" updates repeated with equal ids: {repeated}; webhook repeats:"
            f" {sum(hooked.ids.values()) - len(hooked.ids)}"
        )


def _duplicates_have_equal_ids(log: UpdatesLog) -> None:
    ids: dict[tuple[object, ...], set[object]] = {}
    for update, _ in list(log.told):
        ids.setdefault((update.agent, update.cause), set()).add(update.update_id)
    assert all(len(of_cause) == 1 for of_cause in ids.values())


@pytest.mark.promise(1)
def test_of_two_routing_workers_one_dies_and_the_other_takes_over(
    tmp_path: Path, figure: Figure
) -> None:
    count = 400
    options = StackOptions(tmp_path / "data", routing_workers=2)
    with Stack(options) as stack, UpdatesLog(stack.bootstrap) as log:
        api = Api(stack.gateway_url, PROJECT)
        api.register("reader", NEED)
        with publishing(api, count) as publishers:
            wait_until(lambda: len(told_values(log, "reader")) > 40, "both workers to route")
            stack.kill("routing-2")
            killed_at = time.time()
            wait_until(partial(publishers.reached, count), "all values to be acknowledged", 120)
        expected = set(publishers.acknowledged)
        wait_until(
            lambda: expected <= told_values(log, "reader"), f"all {count} values to be told", 120
        )
        slowest = max(_latencies_s(log, publishers, since=killed_at))
        figure(f"partitions of the killed worker were silent for at most {slowest:.1f} s")
        assert slowest < 30
        assert_consistent(stack.bootstrap, stack.index_port)


def _latencies_s(log: UpdatesLog, publishers: Publishers, since: float) -> list[float]:
    first: dict[str, float] = {}
    for update, at in list(log.told):
        for item in update.items:
            first.setdefault(item.data_key, at)
    return [
        first[data_key] - published
        for data_key, (_, published) in publishers.acknowledged.items()
        if first[data_key] > since
    ]


@pytest.mark.promise(1)
def test_an_index_that_hangs_is_waited_for_and_nothing_is_dead_lettered(tmp_path: Path) -> None:
    with Stack(StackOptions(tmp_path / "data")) as stack, UpdatesLog(stack.bootstrap) as log:
        api = Api(stack.gateway_url, PROJECT)
        api.register("reader", NEED)
        wait_until(lambda: log.of(PROJECT, "reader"), "the agent to be registered")
        with publishing(api, 200) as publishers:
            for _ in range(KILLS_EACH):
                stack.kill("index", signal.SIGSTOP)
                seen = len(publishers.acknowledged)
                wait_until(
                    partial(publishers.reached, seen + 20),
                    "20 publishes to be accepted while the index hangs",
                )
                stack.kill("index", signal.SIGCONT)
                stack.wait_ready(60)
        expected = set(publishers.acknowledged)
        wait_until(lambda: expected <= told_values(log, "reader"), "all values to be told", 120)
        topic = ROUTING_DEAD_LETTER
        assert read_topic(stack.bootstrap, topic.name, topic.partitions) == []
        assert_consistent(stack.bootstrap, stack.index_port)
