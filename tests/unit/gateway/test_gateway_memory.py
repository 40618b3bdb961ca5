"""One key, one flight, one answer; bounded in entries, bytes and age."""

import asyncio

import pytest

from contex.errors import DependencyAway
from gateway import limits
from gateway.problems import Refusal
from gateway.writes.memory import Memory, Name, Written

MARK = b"mark"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Work:
    """Counts its runs and answers with their number; may be held, or fail first."""

    def __init__(self, *failures: Exception, final: bool = True) -> None:
        self.runs = 0
        self.done = 0
        self.released = asyncio.Event()
        self._failures = list(failures)
        self._final = final

    async def __call__(self) -> Written:
        self.runs += 1
        number = self.runs
        await self.released.wait()
        if self._failures:
            raise self._failures.pop(0)
        self.done += 1
        return Written(f'{{"run":{number}}}'.encode(), final=self._final)


def name(key: str = "k", tenant: str = "t") -> Name:
    return Name(tenant, key)


def free(work: Work) -> Work:
    work.released.set()
    return work


async def test_ten_at_once_make_one_flight_and_ten_equal_answers() -> None:
    memory, work = Memory(Clock()), Work()
    asking = [asyncio.create_task(memory.once(name(), MARK, work)) for _ in range(10)]
    await asyncio.sleep(0)
    work.released.set()
    answers = await asyncio.gather(*asking)
    assert work.runs == 1, f"expected one flight, got {work.runs}"
    assert {written.body for written, _ in answers} == {b'{"run":1}'}
    assert [repeats for _, repeats in answers].count(False) == 1


async def test_a_repeat_is_answered_what_the_first_was() -> None:
    memory, work = Memory(Clock()), free(Work())
    first = await memory.once(name(), MARK, work)
    assert await memory.once(name(), MARK, work) == (first[0], True)
    assert work.runs == 1


async def test_a_flight_goes_on_without_who_began_it_and_its_answer_is_kept() -> None:
    memory, work = Memory(Clock()), Work()
    asking = asyncio.create_task(memory.once(name(), MARK, work))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    repeat = asyncio.create_task(memory.once(name(), MARK, work))
    await asyncio.sleep(0)
    work.released.set()
    written, repeats = await repeat
    assert (work.runs, work.done, written.body, repeats) == (1, 1, b'{"run":1}', True)


@pytest.mark.parametrize("held", [True, False])
async def test_another_request_under_the_same_key_is_refused(held: bool) -> None:
    memory, work = Memory(Clock()), Work()
    asking = asyncio.create_task(memory.once(name(), MARK, work))
    await asyncio.sleep(0)
    if not held:
        work.released.set()
        await asking
    with pytest.raises(Refusal) as refused:
        await memory.once(name(), b"another", work)
    assert (refused.value.problem.status, refused.value.problem.code) == (
        422,
        "idempotency-key-reused",
    )
    work.released.set()
    await asking


async def test_tenants_have_keys_of_their_own() -> None:
    memory, work = Memory(Clock()), free(Work())
    await memory.once(name(tenant="a"), MARK, work)
    written, repeats = await memory.once(name(tenant="b"), b"another", work)
    assert (written.body, repeats) == (b'{"run":2}', False)


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    memory, work = Memory(Clock()), Work(DependencyAway("away"))
    asking = [asyncio.create_task(memory.once(name(), MARK, work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.released.set()
    failed = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in failed] == [DependencyAway] * 3
    written, repeats = await memory.once(name(), MARK, work)
    assert (written.body, repeats) == (b'{"run":2}', False)


async def test_what_is_not_final_is_not_kept() -> None:
    memory, work = Memory(Clock()), free(Work(final=False))
    await memory.once(name(), MARK, work)
    await memory.once(name(), MARK, work)
    assert (work.runs, len(memory), memory.size_bytes) == (2, 0, 0)


async def test_answers_are_forgotten_with_age() -> None:
    clock = Clock()
    memory, work = Memory(clock, age_s_max=10.0), free(Work())
    await memory.once(name(), MARK, work)
    clock.now_s = 9.9
    assert (await memory.once(name(), MARK, work))[1]
    clock.now_s = 10.0
    assert not (await memory.once(name(), b"another", work))[1]
    assert len(memory) == 1


async def test_the_oldest_are_forgotten_beyond_the_bounds() -> None:
    memory, work = Memory(Clock(), entries_max=3), free(Work())
    for number in range(5):
        await memory.once(name(str(number)), MARK, work)
    assert len(memory) == 3
    assert (await memory.once(name("2"), MARK, work))[1]
    assert not (await memory.once(name("1"), MARK, work))[1]


async def test_bytes_are_bounded_and_counted_back() -> None:
    room = 3 * (limits.IDEMPOTENCY_ENTRY_BYTES + 20)
    memory, work = Memory(Clock(), size_bytes_max=room), free(Work())
    for number in range(50):
        await memory.once(name(str(number)), MARK, work)
        assert memory.size_bytes <= room, f"expected at most {room}, got {memory.size_bytes}"
    assert len(memory) == 3


async def test_an_answer_larger_than_all_room_is_not_kept() -> None:
    memory, work = Memory(Clock(), size_bytes_max=10), free(Work())
    assert (await memory.once(name(), MARK, work))[0].body == b'{"run":1}'
    assert (len(memory), memory.size_bytes) == (0, 0)
