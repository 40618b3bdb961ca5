"""Callers who wait: what they ask for, what a head tells them, and that they are bounded."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from asked_schemas import AskedSchemas
from memory_log import AGENT, CODEC, NOW_MS, PARTITION, MemoryLog, register, services, tell

from contex.errors import DependencyAway
from contex.index.types import ValueHead
from contex.log.failures import LogMisuse
from contex.log.reader import Span
from contex.records.codec import Codec
from contex.records.cursor import Cursor
from contex.records.names import Scope, ValueKey
from contex.records.update import Cause, Update, UpdateKind, update_id
from gateway import limits
from gateway.updates.hub import Hub
from gateway.waiting import prefer
from gateway.waiting.outcomes import Ending, Outcome, Outcomes, judge
from gateway.waiting.pending import PendingInitial, PendingValue
from gateway.waiting.room import Initial, Missing, WaitingRoom
from topology.catalogue import PARTITIONS, UPDATES

KEY = ValueKey(Scope("t", "p"), "k")
PENDING = PendingValue(KEY, 5)
PATIENCE_S = 10.0


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ([], 0),
        (["wait=5"], 5),
        (["WAIT = 5"], 5),
        (['wait="5"'], 5),
        (["respond-async, wait=10; foo=bar"], 10),
        (["return=minimal", "wait=7"], 7),
        (["wait=3, wait=9"], 3),
        (["wait=100000"], limits.WAIT_S_MAX),
        (["wait=0"], 0),
        (["wait"], 0),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait=soon"], 0),
        (["waiting=5"], 0),
        ([",;=,"], 0),
    ],
)
def test_a_preference_is_read_leniently(given: list[str], seconds: int) -> None:
    assert prefer.wait_s(given) == seconds


TOLD = {"matched": 2, "retracted": 1}


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        (None, None),
        (ValueHead(4, "h", complete=True), None),
        (ValueHead(5, "h"), None),
        (ValueHead(5, "h", complete=True, told=TOLD), Outcome(Ending.ROUTED, TOLD)),
        (ValueHead(6, "h"), Outcome(Ending.SUPERSEDED)),
        (ValueHead(4, "h", complete=True, stored=4), None),
        (ValueHead(4, "h", complete=True, stored=5), Outcome(Ending.UNCHANGED)),
        (ValueHead(4, "h", complete=True, stored=6), Outcome(Ending.SUPERSEDED)),
    ],
)
def test_what_a_head_says_of_a_revision(head: ValueHead | None, outcome: Outcome | None) -> None:
    assert judge(head, 5) == outcome


class Heads:
    """An index whose heads are set by the test; counts how often it is asked, and for what."""

    def __init__(self) -> None:
        self.heads: dict[ValueKey, ValueHead] = {}
        self.asked: list[int] = []
        self._moved = asyncio.Condition()
        self.away = False

    async def value_heads(self, keys: Sequence[ValueKey]) -> dict[ValueKey, ValueHead]:
        async with self._moved:
            self.asked.append(len(keys))
            self._moved.notify_all()
        if self.away:
            raise DependencyAway("the index is away")
        return {key: self.heads[key] for key in keys if key in self.heads}

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._moved:
            await self._moved.wait_for(lambda: len(self.asked) >= times)


def room(log: MemoryLog, heads: Heads, waiters_max: int = 8) -> tuple[WaitingRoom, Hub]:
    hub = Hub(PARTITIONS)
    for partition in range(PARTITIONS):
        hub.advance(partition, len(log.partitions[UPDATES.name, partition]))
    catch_ups = asyncio.Semaphore(1)
    outcomes = Outcomes(heads)
    return WaitingRoom(services(log), outcomes, hub, catch_ups, waiters_max=waiters_max), hub


async def test_an_outcome_is_told_once_the_head_is_complete() -> None:
    heads = Heads()
    waiting, _ = room(MemoryLog(), heads)
    heads.heads[KEY] = ValueHead(5, "h")
    found = asyncio.create_task(waiting.wait(PENDING, PATIENCE_S))
    await heads.until_asked(3)
    assert not found.done()
    heads.heads[KEY] = ValueHead(5, "h", complete=True, told=TOLD)
    assert await found == Outcome(Ending.ROUTED, TOLD)


async def test_many_waiters_ask_together() -> None:
    heads = Heads()
    waiting, _ = room(MemoryLog(), heads, waiters_max=100)
    keys = [ValueKey(KEY.scope, f"k{number}") for number in range(100)]
    found = [asyncio.create_task(waiting.wait(PendingValue(key, 5), PATIENCE_S)) for key in keys]
    await heads.until_asked(2)
    assert set(heads.asked) == {100}, f"expected every question to be of all, got {heads.asked}"
    heads.heads.update(dict.fromkeys(keys, ValueHead(5, "h", complete=True)))
    assert set(map(str, await asyncio.gather(*found))) == {str(Outcome(Ending.ROUTED))}


async def test_who_waits_for_long_asks_less_often() -> None:
    heads = Heads()
    waiting, _ = room(MemoryLog(), heads)
    seconds = 0.5
    assert await waiting.wait(PENDING, seconds) is Missing.LATE
    at_most = seconds / limits.OUTCOME_POLL_INTERVAL_S_MIN / 2
    assert len(heads.asked) < at_most, f"expected under {at_most:.0f}, got {len(heads.asked)}"


async def test_nobody_waits_for_an_index_that_is_away_and_the_next_one_may() -> None:
    heads = Heads()
    heads.away = True
    waiting, _ = room(MemoryLog(), heads)
    assert await waiting.wait(PENDING, PATIENCE_S) is Missing.UNKNOWN
    heads.away = False
    heads.heads[KEY] = ValueHead(9, "h")
    assert await waiting.wait(PENDING, PATIENCE_S) == Outcome(Ending.SUPERSEDED)


async def test_waiters_are_bounded_and_their_room_comes_back() -> None:
    heads = Heads()
    waiting, _ = room(MemoryLog(), heads, waiters_max=1)
    first = asyncio.create_task(waiting.wait(PENDING, PATIENCE_S))
    await heads.until_asked(1)
    assert await waiting.wait(PENDING, PATIENCE_S) is Missing.UNKNOWN
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    heads.heads[KEY] = ValueHead(5, "h", complete=True)
    assert await waiting.wait(PENDING, PATIENCE_S) == Outcome(Ending.ROUTED)


def initial_of(log: MemoryLog, epoch: int) -> None:
    cause = Cause("contex.registrations", 0, epoch)
    update = Update(
        update_id=update_id(cause, AGENT),
        kind=UpdateKind.INITIAL,
        agent=AGENT,
        epoch=epoch,
        cause=cause,
        caused_at_ms=NOW_MS,
        items=(),
    )
    log.append(UPDATES.name, CODEC.encode(update), partition=PARTITION)


def pending(epoch: int) -> PendingInitial:
    return PendingInitial(AGENT, epoch, Cursor(PARTITION, 0))


async def test_an_initial_that_the_log_has_already_is_found() -> None:
    log = MemoryLog()
    register(log)
    epoch = register(log)
    tell(log, 1, epoch=epoch - 1)
    initial_of(log, epoch)
    waiting, _ = room(log, Heads())
    found = await waiting.wait(pending(epoch), PATIENCE_S)
    assert isinstance(found, Initial)
    assert b'"kind":"initial"' in found.body


async def test_a_wait_does_not_hold_the_loop_while_a_schema_is_asked_for() -> None:
    log = MemoryLog()
    epoch = register(log)
    initial_of(log, epoch)
    waiting, _ = room(log, Heads())
    waiting._services = replace(waiting._services, codec=Codec(AskedSchemas()))
    assert isinstance(await waiting.wait(pending(epoch), PATIENCE_S), Initial)


@pytest.mark.parametrize("error", [DependencyAway("away"), LogMisuse("no such topic")])
async def test_a_log_that_does_not_answer_costs_the_wait_alone(error: Exception) -> None:
    class Silent(MemoryLog):
        async def span(self, topic: str, partition: int, start: int, end: int) -> Span:
            raise error

    log = Silent()
    epoch = register(log)
    initial_of(log, epoch)
    waiting, _ = room(log, Heads())
    assert await waiting.wait(pending(epoch), PATIENCE_S) is Missing.UNKNOWN


async def test_an_initial_that_comes_later_is_found() -> None:
    log = MemoryLog()
    epoch = register(log)
    waiting, hub = room(log, Heads())
    found = asyncio.create_task(waiting.wait(pending(epoch), PATIENCE_S))
    for _ in range(10):
        await asyncio.sleep(0)
    initial_of(log, epoch)
    hub.dispatch(log.partitions[UPDATES.name, PARTITION][-1])
    assert isinstance(await found, Initial)


async def test_the_initial_of_a_registration_that_was_replaced_never_comes() -> None:
    log = MemoryLog()
    initial_of(log, 7)
    waiting, _ = room(log, Heads())
    assert await waiting.wait(pending(6), PATIENCE_S) is Missing.UNKNOWN


async def test_a_wait_ends_when_the_gateway_closes() -> None:
    waiting, hub = room(MemoryLog(), Heads())
    found = asyncio.create_task(waiting.wait(pending(0), PATIENCE_S))
    await asyncio.sleep(0)
    hub.close()
    assert await found is Missing.UNKNOWN


async def test_the_index_is_asked_no_more_once_nobody_waits() -> None:
    heads = Heads()
    waiting, _ = room(MemoryLog(), heads)
    assert await waiting.wait(PENDING, 0.05) is Missing.LATE
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert heads.asked, "expected it to have been asked before"
