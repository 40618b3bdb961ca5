"""Batches: each item for itself, in order, and a bad one hurts no other."""

from collections.abc import Sequence

import pytest
from memory_log import CODEC, MemoryLog, services

from contex.errors import DependencyAway, LimitExceeded
from contex.log.failures import LogMisuse
from contex.records.message import Message, Receipt
from contex.records.publication import Publication
from gateway.operations.batch import Failed, publish_each, register_each
from gateway.operations.publish import Accepted
from gateway.operations.register import Registered
from gateway.problems import Refusal
from gateway.requests import read_items
from gateway.services import Call
from topology.catalogue import PUBLICATIONS, REGISTRATIONS

CALL = Call("t")


def value(data_key: str = "k", data: object = 1, **more: object) -> dict[str, object]:
    return {"project_id": "p", "data_key": data_key, "data": data, **more}


def agent(agent_id: str = "a", **more: object) -> dict[str, object]:
    return {"agent_id": agent_id, "project_id": "p", "data_needs": ["anything"], **more}


class Flaky(MemoryLog):
    """Fails the messages of these numbers, as a producer would."""

    def __init__(self, failures: dict[int, Exception]) -> None:
        super().__init__()
        self.flights: list[int] = []
        self._failures = failures

    async def send_each(self, topic: str, messages: Sequence[Message]) -> list[Receipt | Exception]:
        self.flights.append(len(messages))
        return [
            self._failures.get(number) or self.append(topic, message)
            for number, message in enumerate(messages)
        ]


def written(log: MemoryLog) -> list[bytes]:
    """Return the contents of all publications, per partition in their order."""
    found = []
    for (topic, _), records in log.partitions.items():
        for received in records if topic == PUBLICATIONS.name else []:
            record = CODEC.publication(received)
            assert isinstance(record, Publication)
            found.append(record.value.content)
    return found


async def test_items_of_one_key_are_written_in_their_order() -> None:
    log = MemoryLog()
    outcomes = await publish_each(services(log), CALL, [value(data=n) for n in range(50)])
    revisions = [one.revision for one in outcomes if isinstance(one, Accepted)]
    assert revisions == list(range(50))
    assert written(log) == [str(n).encode() for n in range(50)]


@pytest.mark.parametrize(
    ("bad", "status", "field"),
    [
        (7, 422, "body"),
        (None, 422, "body"),
        ({}, 422, "project_id"),
        (value(data_key=""), 422, "data_key"),
        (value(surprise=1), 422, "surprise"),
        (value(data="a: [", data_format="yaml"), 422, "data"),
        (value(data="x" * 900_001), 413, "data"),
    ],
)
async def test_a_bad_item_hurts_no_other(bad: object, status: int, field: str) -> None:
    log = Flaky({})
    outcomes = await publish_each(services(log), CALL, [value(data=1), bad, value(data=2)])
    assert [type(one) for one in outcomes] == [Accepted, Failed, Accepted]
    assert written(log) == [b"1", b"2"]
    assert log.flights == [2], f"expected one flight of the good ones, got {log.flights}"
    failed = outcomes[1]
    assert isinstance(failed, Failed)
    assert (failed.problem.status, failed.problem.errors[0].field) == (status, field)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DependencyAway("away"), 503, "unavailable"),
        (LogMisuse("no such topic"), 503, "unavailable"),
        (LimitExceeded("too large"), 413, "too-large"),
    ],
)
async def test_what_the_log_does_not_take_is_told_item_by_item(
    error: Exception, status: int, code: str
) -> None:
    log = Flaky({1: error})
    items = [value(data=0), {}, value(data=1), value(data=2)]
    outcomes = await publish_each(services(log), CALL, items)
    assert [type(one) for one in outcomes] == [Accepted, Failed, Failed, Accepted]
    assert written(log) == [b"0", b"2"]
    failed = outcomes[2]
    assert isinstance(failed, Failed)
    assert (failed.problem.status, failed.problem.code) == (status, code)


async def test_a_repeat_of_a_batch_has_the_same_events_item_by_item() -> None:
    call = Call("t", idempotency_key="key")

    async def ids(items: list[object]) -> list[str]:
        outcomes = await publish_each(services(MemoryLog()), call, items)
        return [one.event_id for one in outcomes if isinstance(one, Accepted)]

    first = await ids([value("a"), value("b"), value("c")])
    assert await ids([value("a"), value("b"), value("c")]) == first
    assert len(set(first)) == 3
    assert await ids([value("a"), {}, value("c")]) == [first[0], first[2]], "numbered as given"


async def test_agents_are_registered_each_for_itself() -> None:
    log = MemoryLog()
    items = [agent("a"), agent("b", token_budget=0), agent("b"), agent("a", token_budget=5)]
    outcomes = await register_each(services(log), CALL, items)
    assert [type(one) for one in outcomes] == [Registered, Failed, Registered, Registered]
    budgets = {key.agent_id: known.registration.token_budget for key, known in log.known.items()}
    assert budgets["a"] == 5, "the later registration of an agent counts"
    first = outcomes[0]
    assert isinstance(first, Registered)
    assert (first.epoch, first.cursor.offset) == (0, 0)


async def test_no_agent_is_registered_while_the_feeds_are_away() -> None:
    class Away(MemoryLog):
        async def bounds(self, topic: str, partition: int) -> object:  # type: ignore[override]
            raise DependencyAway(f"{topic}/{partition} is away")

    log = Away()
    outcomes = await register_each(services(log), CALL, [agent("a"), {}])
    assert [one.problem.status for one in outcomes if isinstance(one, Failed)] == [503, 422]
    assert not any(topic == REGISTRATIONS.name for topic, _ in log.partitions)


@pytest.mark.parametrize("body", [b'[{"a":1}]', b'{"items":[{"a":1}]}'])
def test_a_batch_is_an_array_or_its_items(body: bytes) -> None:
    assert read_items(body) == [{"a": 1}]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"[", 400, "body"),
        (b"7", 422, "body"),
        (b'{"items":7}', 422, "body"),
        (b'{"items":[1],"more":1}', 422, "body"),
        (b"[]", 422, "items"),
        (b"[" + b"1," * 500 + b"1]", 422, "items"),
    ],
)
def test_what_is_no_batch_is_refused_whole(body: bytes, status: int, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_items(body)
    assert (refused.value.problem.status, refused.value.problem.errors[0].field) == (status, field)
