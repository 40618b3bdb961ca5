"""The product as a user meets it: its REST API, and its topics read with an ordinary consumer.

Everything waits for a condition with a deadline; nothing sleeps in hope.
"""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import Producer as Client

from contex.log.consumption import received
from contex.log.producing import configuration
from contex.records import AgentKey, Scope, Update
from contex.records.codec import Codec
from contex.records.holdings import Holdings
from contex.records.message import Message, Received
from contex.records.schema_source import PinnedSchemas
from topology.catalogue import UPDATES

TENANT = "default"
WAIT_S = 60.0
CODEC = Codec(PinnedSchemas())


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
    """Return the condition's first true answer; fail with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for: {what}"
        time.sleep(0.02)
    return answer


class Refused(Exception):
    """The gateway answered with a problem."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Api:
    """The REST API of one gateway, for one project."""

    url: str
    project: str

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the answer's JSON.

        Raises:
            Refused: the gateway answered 4xx or 5xx.
            OSError: it did not answer.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, json.load(error)) from None

    def publish(self, data_key: str, data: object, **more: object) -> int:
        """Publish and return the revision."""
        body = {"project_id": self.project, "data_key": data_key, "data": data, **more}
        return int(self.call("POST", "/data/publish", body)["revision"])

    def delete(self, data_key: str) -> int:
        """Delete and return the revision."""
        path = f"/projects/{self.project}/data/{quote(data_key, safe='')}"
        return int(self.call("DELETE", path)["revision"])

    def register(self, agent: str, *needs: object, **more: object) -> dict[str, Any]:
        """Register and return the answer."""
        body = {"agent_id": agent, "project_id": self.project, "data_needs": list(needs), **more}
        return self.call("POST", "/agents/register", body)


class UpdatesLog:
    """Every update that is told, read from the topic by an ordinary consumer in a thread."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.codec = CODEC
        self.told: list[tuple[Update, float]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _read(self) -> None:
        consumer = _consumer(self._bootstrap)
        consumer.assign([TopicPartition(UPDATES.name, n, 0) for n in range(UPDATES.partitions)])
        while not self._stopped.is_set():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                self.told.append((self.codec.update(received(message)), time.time()))
        consumer.close()

    def of(self, project: str, agent: str, tenant: str = TENANT) -> list[Update]:
        """Return what one agent was told, in order, repeats included."""
        key = AgentKey(Scope(tenant, project), agent)
        return [update for update, _ in list(self.told) if update.agent == key]

    def holdings(self, project: str, agent: str, tenant: str = TENANT) -> dict[str, int]:
        """Return what one agent holds now: data keys and revisions."""
        holdings = Holdings()
        for update in self.of(project, agent, tenant):
            holdings.apply(update)
        return {key: item.revision for key, item in holdings.items.items()}

    def wait_for(
        self, project: str, agent: str, kind: str, data_key: str, timeout_s: float = WAIT_S
    ) -> Update:
        """Return the first update of this kind about this value."""

        def found() -> Update | None:
            for update in self.of(project, agent):
                if update.kind == kind and any(one.data_key == data_key for one in update.items):
                    return update
            return None

        what = f"{agent} of {project} to be told {kind} {data_key}"
        update: Update = wait_until(found, what, timeout_s)
        return update


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests-read-without-a-group",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "reconnect.backoff.max.ms": 500,
        }
    )


def read_topic(bootstrap: str, topic: str, partitions: int) -> list[Received]:
    """Return everything that stands in a topic now."""
    consumer = _consumer(bootstrap)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    records: list[Received] = []
    ended: set[int] = set()
    deadline = time.monotonic() + WAIT_S
    while len(ended) < partitions:
        assert time.monotonic() < deadline, f"reading {topic} took longer than {WAIT_S:.0f} s"
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            ended.add(message.partition())
        else:
            records.append(received(message))
    consumer.close()
    return records


@contextmanager
def raw_producer(bootstrap: str) -> Iterator[Callable[[str, Sequence[Message]], list[int]]]:
    """Give a function that produces messages as they are and returns their offsets, in order."""
    client = Client(configuration(bootstrap, 5))

    def produce(topic: str, messages: Sequence[Message]) -> list[int]:
        offsets: dict[int, int] = {}

        def delivered(number: int) -> Callable[[Any, Any], None]:
            def note(error: Any, message: Any) -> None:
                assert error is None, error
                offsets[number] = message.offset()

            return note

        for number, message in enumerate(messages):
            client.produce(
                topic,
                key=message.key,
                value=message.value,
                headers=list(message.headers),
                on_delivery=delivered(number),
            )
            client.poll(0)
        client.flush(WAIT_S)
        return [offsets[number] for number in range(len(messages))]

    yield produce
    client.flush(WAIT_S)
