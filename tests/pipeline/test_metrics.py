"""Every metric moves, and every piece of work has its line, on the real processes.

One stack; everything that a metric counts is provoked on it once. `MOVED` says which process tells
of it, and with which labels; a metric of the catalogue that is not in it fails.
"""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hanging_worker
import jsonschema
import pytest
from processes import is_served
from product import raw_producer, read_topic, wait_until
from scraping import Scraper, samples

from contex.local.ports import free_ports
from contex.local.stack import Stack, StackOptions
from contex.records.message import Message
from contex.telemetry import canonical
from contex.telemetry.metrics import described
from topology.catalogue import PUBLICATIONS, REGISTRATIONS
from workers.watchdog import EXIT_STALLED

PROJECT = "shop"
TENANT = "default"
API_KEY = "a-key-that-must-not-be-logged"
SECRET = "whsec_bW9yZSB0aGFuIHR3ZW50eS1mb3VyIGJ5dGVz"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
NEED = "orders shipped"
SLOW_ANSWER_S = 2.0
HANGING = "hanging"
SETTINGS = {
    "CONTEX_EMBEDDER": "deterministic",
    "CONTEX_LOG_FORMAT": "json",
    "CONTEX_API_KEY": API_KEY,
}

MOVED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "contex_build_info": ("gateway", {"stage": "gateway"}),
    "contex_routed_values": ("routing-1", {"outcome": "routed"}),
    "contex_routed_registrations": ("routing-1", {"outcome": "routed"}),
    "contex_value_matches": ("routing-1", {}),
    "contex_updates": ("routing-1", {"kind": "matched"}),
    "contex_end_to_end_seconds": ("routing-1", {"kind": "matched"}),
    "contex_dead_letters": ("routing-1", {"stage": "routing", "error_class": "InvalidRecord"}),
    "contex_batch_records": ("webhooks", {"stage": "webhooks"}),
    "contex_embed_seconds": ("routing-1", {}),
    "contex_embed_texts": ("routing-1", {}),
    "contex_index_call_seconds": ("routing-1", {"operation": "UpsertPoints"}),
    "contex_publish_ack_seconds": ("gateway", {"topic": PUBLICATIONS.name}),
    "contex_webhook_attempts": ("webhooks", {"outcome": "retried"}),
    "contex_webhook_attempt_seconds": ("webhooks", {}),
    "contex_webhook_skips": ("webhooks", {"outcome": "stream"}),
    "contex_lane_overdue_seconds": ("webhooks", {}),
    "contex_stream_connections": ("gateway", {"kind": "sse"}),
    "contex_http_requests": ("gateway", {"method": "POST", "status": "202"}),
    "contex_http_seconds": ("gateway", {"method": "POST"}),
    "contex_idempotent_replays": ("gateway", {}),
    "contex_query_seconds": ("gateway", {}),
    "contex_group_lag_records": (HANGING, {"stage": "routing", "topic": PUBLICATIONS.name}),
    "contex_progress_age_seconds": (HANGING, {"stage": "routing"}),
    "contex_watchdog_exits": (HANGING, {"stage": "routing"}),
    "contex_dependency_waits": ("routing-1", {"stage": "routing"}),
    "contex_view_records_skipped": ("gateway", {"view": "registrations"}),
}


@dataclass
class Endpoint:
    """A webhook endpoint: refuses its first request, and answers the next ones slowly."""

    port: int = 0
    requests: list[str] = field(default_factory=list)


@dataclass
class World:
    """What was provoked."""

    stack: Stack
    scraper: Scraper
    logs: Path
    hanging_status: int
    requests: int


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            served.requests.append(self.headers["webhook-id"])
            first = len(served.requests) == 1
            time.sleep(0 if first else SLOW_ANSWER_S)
            self.send_response(500 if first else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()


class Client:
    """The REST API with a key, a trace and a count of its requests."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v1"
        self.count = 0

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Return the answer's JSON."""
        request = self.request(method, path, body, **headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Return a request that is about to be made."""
        self.count += 1
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return urllib.request.Request(
            f"{self._url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {API_KEY}",
                "Content-Type": "application/json",
                "traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01",
                **named,
            },
        )

    def publish(self, key: str, text: str, **headers: str) -> int:
        """Publish and return the revision."""
        body = {"project_id": PROJECT, "data_key": key, "data": text}
        return int(self.call("POST", "/data/publish", body, **headers)["revision"])

    def register(self, agent: str, **more: object) -> Any:
        """Register and return the answer."""
        needs = [{"text": NEED, "threshold": 0.2}]
        body = {"agent_id": agent, "project_id": PROJECT, "data_needs": needs, **more}
        return self.call("POST", "/agents/register", body)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("metrics")
    options = StackOptions(folder / "data", environment=SETTINGS)
    with Stack(options) as stack, Scraper(stack.health_urls) as scraper, endpoint() as hook:
        client = Client(stack.gateway_url)
        provoke(stack, client, scraper, hook)
        status = hang(stack, client, scraper, folder / "data" / "logs")
        wait_until(lambda: len(hook.requests) >= 2, "the webhook to be tried again")
        yield World(stack, scraper, folder / "data" / "logs", status, client.count)


def provoke(stack: Stack, client: Client, scraper: Scraper, hook: Endpoint) -> None:
    """Do once everything that a healthy stack is asked for, and some that it is not."""
    url = f"http://127.0.0.1:{hook.port}/hook"
    stream = client.register("reader")["updates_url"].removeprefix("/api/v1")
    client.register("hooked", notification_method="webhook", webhook_url=url, webhook_secret=SECRET)
    with raw_producer(stack.bootstrap) as produce:
        for topic in (PUBLICATIONS.name, REGISTRATIONS.name):
            produce(topic, [Message(f"{TENANT}/{PROJECT}/poison".encode(), b"no record", ())])
    with urllib.request.urlopen(client.request("GET", stream), timeout=60) as events:
        for _ in range(2):
            client.publish("first", f"{NEED} today", Idempotency_Key="once")
        wait_until(
            lambda: scraper.peak("gateway", "contex_stream_connections", {"kind": "sse"}),
            "the stream to be counted",
        )
        next(line for line in events if line.startswith(b"event: "))
    client.call("POST", f"/projects/{PROJECT}/query", {"query": NEED})
    stack.kill("index")
    for number in range(10):
        client.publish(f"while-away-{number}", f"{NEED} {number}")
    stack.wait_ready()


def hang(stack: Stack, client: Client, scraper: Scraper, logs: Path) -> int:
    """Let a second routing worker hang until its watchdog ends it; return its exit status."""
    [port] = free_ports(1)
    environ = {
        **os.environ,
        **SETTINGS,
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap,
        "QDRANT_URL": f"http://127.0.0.1:{stack.index_port}",
        "QDRANT_GRPC_PORT": str(stack.index_port),
        "CONTEX_HEALTH_PORT": str(port),
    }
    scraper.urls[HANGING] = url = f"http://127.0.0.1:{port}"
    with (logs / f"{HANGING}.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, hanging_worker.__file__], env=environ, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_served(f"{url}/health/ready"), "the second worker to have partitions")
        for number in range(24):  # some are of its partitions
            client.publish(f"word-{number}", f"{hanging_worker.WORD} {NEED}")
        return worker.wait(60)
    finally:
        worker.kill()
        worker.wait()


def test_every_metric_of_the_catalogue_is_provoked() -> None:
    labels = {one.name: set(one.labels) for one in described()}

    assert MOVED.keys() == labels.keys()
    for name, (_, having) in MOVED.items():
        assert having.keys() <= labels[name], name


@pytest.mark.parametrize("name", MOVED)
def test_a_metric_moved(world: World, name: str) -> None:
    process, labels = MOVED[name]
    [kind] = [one.type for one in described() if one.name == name]
    sample = name + {"counter": "_total", "histogram": "_count"}.get(kind, "")

    wait_until(
        lambda: world.scraper.peak(process, sample, labels) > 0, f"{sample} {labels} of {process}"
    )


def test_the_metrics_tell_how_much_and_how_long(world: World) -> None:
    peak = world.scraper.peak
    assert world.hanging_status == EXIT_STALLED
    assert peak(HANGING, "contex_progress_age_seconds", {}) >= hanging_worker.BATCH_S_MAX - 1
    assert peak(HANGING, "contex_watchdog_exits_total", {}) == 1
    assert peak("webhooks", "contex_lane_overdue_seconds", {}) >= SLOW_ANSWER_S / 2
    assert peak("gateway", "contex_idempotent_replays_total", {}) == 1
    assert peak("routing-1", "contex_end_to_end_seconds_sum", {"kind": "matched"}) > 0
    wait_until(lambda: _lag(world, REGISTRATIONS.name) == 0, "no registration to wait")


def _lag(world: World, topic: str) -> float:
    """Return how many records of a topic wait for the routing worker now."""
    [found] = [
        one.value
        for one in samples(world.scraper.urls["routing-1"])
        if one.name == "contex_group_lag_records" and one.labels["topic"] == topic
    ]
    return found


def lines_of(world: World) -> Iterator[tuple[str, str]]:
    """Yield every line of our processes' logs, and whose it is."""
    for name in ("gateway", "routing-1", "webhooks", HANGING):
        for line in (world.logs / f"{name}.log").read_text().splitlines():
            yield name, line


def events(world: World, event: str) -> list[dict[str, Any]]:
    found = (json.loads(line) for _, line in lines_of(world))
    return [line for line in found if line["event"] == event]


def test_every_line_of_every_process_is_of_the_schema(world: World) -> None:
    validator = jsonschema.Draft202012Validator(canonical.schema())
    seen = Counter[str]()
    for name, line in lines_of(world):
        told = json.loads(line)
        wrong = [error.message for error in validator.iter_errors(told)]
        assert wrong == [], f"{name}: {line}"
        seen[told["event"]] += 1

    assert {one.event for one in canonical.LINES} <= seen.keys()


def test_every_record_was_routed_in_one_line(world: World) -> None:
    """A record that is delivered again has a line again, which says that it was done already."""
    standing = {
        (one.topic, one.partition, one.offset)
        for topic in (PUBLICATIONS, REGISTRATIONS)
        for one in read_topic(world.stack.bootstrap, topic.name, topic.partitions)
    }

    def told() -> Counter[tuple[str, int, int]]:
        return Counter(
            (line["topic"], line["partition"], int(line.get("revision", line.get("epoch", -1))))
            for line in events(world, canonical.ROUTED)
            if line["outcome"] not in {"done", "stale"}
        )

    wait_until(lambda: told().keys() >= standing, "a line of every record")
    assert {place: count for place, count in told().items() if count != 1} == {}


def test_every_request_has_one_line(world: World) -> None:
    lines = [one for one in events(world, canonical.HTTP_REQUEST) if "/api/" in one["route"]]

    assert len(lines) == len({one["request_id"] for one in lines}) == world.requests
    published = [one for one in lines if one["route"].endswith("/data/publish")]
    assert all({"key", "revision", "produce_ms"} <= one.keys() for one in published[:1])


def test_one_trace_leads_from_the_request_to_the_webhook(world: World) -> None:
    for event in (canonical.HTTP_REQUEST, canonical.ROUTED, canonical.WEBHOOK):
        lines = [one for one in events(world, event) if one.get("key") == "first"]
        assert lines, f"expected lines of {event} about the value"
        assert {one["trace_id"] for one in lines} == {TRACE_ID}, event


def test_every_try_of_a_webhook_has_a_line(world: World) -> None:
    tries = events(world, canonical.WEBHOOK)
    first = [one for one in tries if one["update_id"] == tries[0]["update_id"]]

    assert [(one["attempt"], one["outcome"], one["fault"]) for one in first] == [
        (1, "retrying", "endpoint"),
        (2, "succeeded", "none"),
    ]
    assert first[1]["latency_ms"] >= SLOW_ANSWER_S * 1000
    assert first[1]["duration_ms"] >= first[1]["latency_ms"]


def test_a_routed_line_tells_where_the_time_went(world: World) -> None:
    lines = [one for one in events(world, canonical.ROUTED) if one["outcome"] == "routed"]
    told = [one for one in lines if one.get("told_matched")]

    assert told
    for one in told:
        assert {"embed_ms", "index_ms", "produce_ms"} <= one.keys(), one
        assert max(one["embed_ms"], one["index_ms"], one["produce_ms"]) <= one["duration_ms"]


def test_no_line_holds_a_secret(world: World) -> None:
    key = (world.logs.parent / "secret.key").read_text().strip()
    for secret in (API_KEY, SECRET, SECRET.removeprefix("whsec_"), key):
        assert [line for _, line in lines_of(world) if secret in line] == []
