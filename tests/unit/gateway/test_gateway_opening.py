"""Where a stream begins: resume, by registration, or a fresh start."""

import pytest
from memory_log import AGENT, NOW_MS, PARTITION, MemoryLog, register, services, tell

from contex.errors import InvalidValue
from contex.records.cursor import Cursor
from gateway.services import Call
from gateway.updates.opening import Beginning, begin
from topology.catalogue import PARTITIONS, REGISTRATIONS, UPDATES

CALL = Call("t")
HOUR_MS = 3_600_000


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


async def opened(log: MemoryLog, cursor: Cursor | None) -> Beginning:
    return await begin(services(log), CALL, log.known[AGENT], cursor)


def registrations(log: MemoryLog) -> int:
    return sum(
        len(records)
        for (topic, _), records in log.partitions.items()
        if topic == REGISTRATIONS.name
    )


async def test_a_retained_cursor_is_resumed(log: MemoryLog) -> None:
    epoch = register(log)
    for revision in range(5):
        tell(log, revision)
    for offset in (0, 3, 5):
        beginning = await opened(log, Cursor(PARTITION, offset))
        assert (beginning.cursor.offset, beginning.epoch, beginning.reset) == (offset, epoch, False)
    assert registrations(log) == 1


@pytest.mark.parametrize(
    "cursor", [Cursor((PARTITION + 1) % PARTITIONS, 0), Cursor(PARTITION, 6), Cursor(99, 0)]
)
async def test_a_cursor_that_nobody_gave_is_refused(log: MemoryLog, cursor: Cursor) -> None:
    register(log)
    for revision in range(5):
        tell(log, revision)
    with pytest.raises(InvalidValue) as caught:
        await opened(log, cursor)
    assert caught.value.field == "cursor"


async def test_without_a_cursor_the_registrations_time_decides(log: MemoryLog) -> None:
    tell(log, 0)
    log.now_ms = NOW_MS + HOUR_MS
    epoch = register(log)
    tell(log, 1)
    beginning = await opened(log, None)
    assert (beginning.cursor, beginning.epoch) == (Cursor(PARTITION, 1), epoch)
    assert not beginning.reset


async def test_a_forgotten_cursor_starts_from_a_registration_that_is_still_held(
    log: MemoryLog,
) -> None:
    for revision in range(4):
        tell(log, revision)
    log.now_ms = NOW_MS + HOUR_MS
    register(log)
    tell(log, 4)
    log.first[UPDATES.name, PARTITION] = 2
    beginning = await opened(log, Cursor(PARTITION, 1))
    assert (beginning.cursor, beginning.reset) == (Cursor(PARTITION, 4), True)
    assert registrations(log) == 1


@pytest.mark.parametrize("cursor", [Cursor(PARTITION, 1), None])
async def test_where_the_initial_is_forgotten_the_agent_is_registered_again(
    log: MemoryLog, cursor: Cursor | None
) -> None:
    first = register(log)
    for revision in range(4):
        tell(log, revision)
    log.first[UPDATES.name, PARTITION] = 3
    beginning = await opened(log, cursor)
    assert beginning.epoch > first
    assert log.known[AGENT].epoch == beginning.epoch
    assert (beginning.cursor, beginning.reset) == (Cursor(PARTITION, 4), True)
    assert log.known[AGENT].registration.needs == beginning.registration.needs
