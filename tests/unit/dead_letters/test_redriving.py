"""Dead letters go back where they came from, in order, and never over something newer."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_twin import LogTwin

from contex.dead_letters.letter import Filter
from contex.dead_letters.redriving import Redrive, Result, choose, choose_places
from contex.dead_letters.verdicts import Verdict, Way
from contex.errors import DependencyAway, InvalidRecord, LimitExceeded
from contex.log.partitioner import partition_for
from contex.records.dead_letter import dead_letter, read_headers, without_value
from contex.records.message import Message, Received
from contex.records.redriven import Place, read_note, read_redriven
from contex.webhooks.retries import read_turn

VALUES, AGENTS, LETTERS, HOOKS, LANE = "values", "agents", "dead", "hooks-dead", "lane"
WAY = Way("routing", LETTERS, {VALUES: 4, AGENTS: 4})
HOOKS_WAY = Way("webhooks", HOOKS, {LANE: 4, "updates": 4}, lane=LANE)
NOW_MS = 99_000


def log_twin() -> LogTwin:
    return LogTwin({VALUES: 4, AGENTS: 4, LETTERS: 2, HOOKS: 2, LANE: 4, "updates": 4})


def publish(log: LogTwin, key: bytes, value: bytes | None) -> Received:
    return log.append(VALUES, Message(key, value, (("ce_id", value or b""),)))


def bury(log: LogTwin, received: Received, topic: str = LETTERS) -> Received:
    error = InvalidRecord("no schema")
    return log.append(topic, dead_letter(received, stage="routing", error=error, at_ms=5))


async def redrive(
    log: LogTwin, way: Way = WAY, places: Iterable[Place] = (), *, force: bool = False
) -> list[Result]:
    asked = list(places)
    chosen = (
        await choose_places(log, way, asked)
        if asked
        else await choose(log, way, Filter(), None, lambda _topic, _more: None)
    )
    run = Redrive(log, chosen, force=force, now_ms=NOW_MS, progress=lambda _topic, _more: None)
    return [one async for one in run.send(await run.plan(), log)]


def verdicts(results: Iterable[Result]) -> list[str]:
    return [one.judged.verdict.value for one in results]


async def test_a_record_goes_back_byte_for_byte_and_says_where_from() -> None:
    log = log_twin()
    original = publish(log, b"t/p/k\xff", b"\0junk")
    letter = bury(log, original)

    [result] = await redrive(log)

    again = log.all(VALUES)[-1]
    assert (again.key, again.value) == (original.key, original.value)
    assert again.partition == original.partition
    assert result.to == Place.of(again)
    assert again.headers[: len(original.headers)] == original.headers
    assert not [name for name, _ in again.headers if name.startswith("__contex.errors.")]
    redriven = read_redriven(again.headers)
    assert redriven is not None
    assert (redriven.letter, redriven.original) == (Place.of(letter), Place.of(original))
    assert (redriven.at_ms, redriven.count) == (NOW_MS, 1)


async def test_a_tombstone_goes_back_as_one() -> None:
    log = log_twin()
    bury(log, publish(log, b"t/p/k", None))

    [result] = await redrive(log)

    assert result.to is not None
    assert log.all(VALUES)[-1].value is None


async def test_what_went_back_is_noted_and_does_not_go_twice() -> None:
    log = log_twin()
    letter = bury(log, publish(log, b"t/p/k", b"1"))

    [first] = await redrive(log)
    [second] = await redrive(log)

    notes = [note for one in log.all(LETTERS) if (note := read_note(one.headers))]
    assert [(note.letter, note.to) for note in notes] == [(Place.of(letter), first.to)]
    assert second.judged.verdict is Verdict.ALREADY
    assert len(log.all(VALUES)) == 2


async def test_a_copy_without_its_note_is_found_all_the_same() -> None:
    log = log_twin()
    letter = bury(log, publish(log, b"t/p/k", b"1"))
    await redrive(log)
    note = log.all(LETTERS)[-1]
    log.drop(LETTERS, note.partition, note.offset)

    assert verdicts(await redrive(log, places=[Place.of(letter)])) == ["already-redriven"]


async def test_a_newer_record_makes_a_letter_stale_unless_forced() -> None:
    log = log_twin()
    bury(log, publish(log, b"t/p/k", b"old"))
    newer = publish(log, b"t/p/k", b"new")
    publish(log, b"t/p/other", b"new")

    [skipped] = await redrive(log)
    assert skipped.judged.verdict is Verdict.STALE
    assert str(Place.of(newer)) in skipped.judged.reason
    [forced] = await redrive(log, force=True)

    assert forced.to is not None
    assert [one.value for one in log.all(VALUES) if one.key == b"t/p/k"] == [b"old", b"new", b"old"]


async def test_versions_of_a_key_go_back_in_their_order() -> None:
    log = log_twin()
    originals = [publish(log, b"t/p/k", str(number).encode()) for number in range(5)]
    for original in reversed(originals):
        bury(log, original)

    results = await redrive(log)

    assert all(one.to for one in results)
    assert [one.value for one in log.all(VALUES)[5:]] == [b"0", b"1", b"2", b"3", b"4"]


async def test_one_alone_is_stale_when_a_newer_dead_one_stays_behind() -> None:
    log = log_twin()
    first, second = publish(log, b"t/p/k", b"1"), publish(log, b"t/p/k", b"2")
    letters = [bury(log, first), bury(log, second)]

    assert verdicts(await redrive(log, places=[Place.of(letters[0])])) == ["stale"]
    assert verdicts(await redrive(log, places=[Place.of(letters[1])])) == ["redrive"]


async def test_an_older_copy_does_not_make_a_newer_letter_stale() -> None:
    log = log_twin()
    first, second = publish(log, b"t/p/k", b"1"), publish(log, b"t/p/k", b"2")
    letters = [bury(log, first), bury(log, second)]
    await redrive(log, places=[Place.of(letters[0])], force=True)

    results = await redrive(log, places=[Place.of(letters[1])])

    assert verdicts(results) == ["redrive"]
    assert log.all(VALUES)[-1].value == b"2"


async def test_a_record_that_fails_again_counts_on_and_can_go_back_again() -> None:
    log = log_twin()
    bury(log, publish(log, b"t/p/k", b"1"))
    await redrive(log)
    again = bury(log, log.all(VALUES)[-1])
    info = read_headers(again.headers)
    assert (info.attempt, info.first_failed_at_ms) == (2, 5)

    results = await redrive(log)

    assert sorted(verdicts(results)) == ["already-redriven", "redrive"]
    redriven = read_redriven(log.all(VALUES)[-1].headers)
    assert redriven is not None
    assert (redriven.count, redriven.original.offset) == (2, 0)


async def test_two_letters_of_one_record_go_back_once() -> None:
    log = log_twin()
    original = publish(log, b"t/p/k", b"1")
    bury(log, original)
    bury(log, original)

    results = await redrive(log)

    assert sorted(verdicts(results)) == ["redrive", "repeat"]
    assert len(log.all(VALUES)) == 2


async def test_a_value_that_was_left_out_is_read_where_it_stands_or_refused() -> None:
    log = log_twin()
    original = publish(log, b"t/p/k", b"large" * 100)
    error = LimitExceeded("too large")
    letter = dead_letter(original, stage="routing", error=error, at_ms=5)
    log.append(LETTERS, without_value(letter))

    [result] = await redrive(log)
    assert result.to is not None
    assert log.all(VALUES)[-1].value == original.value

    log = log_twin()
    original = publish(log, b"t/p/k", b"large" * 100)
    log.append(LETTERS, without_value(letter))
    log.drop(VALUES, original.partition, original.offset)
    [refused] = await redrive(log)
    assert refused.judged.verdict is Verdict.NO_VALUE
    assert "500 bytes" in refused.judged.reason


async def test_what_cannot_go_back_is_refused_in_words() -> None:
    log = log_twin()
    log.append(LETTERS, Message(b"t/p/k", b"1", (("mine", b"1"),)))
    keyless = Received(VALUES, 0, 7, 1, None, b"1")
    bury(log, keyless)
    bury(log, Received("elsewhere", 0, 7, 1, b"k", b"1"))

    results = await redrive(log)

    assert sorted(verdicts(results)) == ["foreign", "no-key", "unreadable"]
    assert all(one.judged.reason for one in results)
    assert log.all(VALUES) == []


async def test_a_record_of_another_partitioner_counts_as_older_than_all_of_its_key() -> None:
    log = log_twin()
    home = partition_for(b"t/p/k", 4)
    strayed = log.append(VALUES, Message(b"t/p/k", b"1"), partition=(home + 1) % 4)
    bury(log, strayed)
    [result] = await redrive(log)
    assert (result.to or Place("", 0, 0)).partition == home

    log = log_twin()
    publish(log, b"t/p/k", b"2")
    bury(log, log.append(VALUES, Message(b"t/p/k", b"1"), partition=(home + 1) % 4))
    assert verdicts(await redrive(log)) == ["stale"]


async def test_an_update_goes_into_the_first_lane_with_all_its_tries() -> None:
    log = log_twin()
    update = Received("updates", 1, 3, 1, b"t/p/a", b"update", (("ce_id", b"u"),))
    bury(log, update, HOOKS)
    retried = (("__contex.retry.attempt", b"16"), ("__contex.retry.first_failed_at", b"4"))
    bury(log, Received(LANE, 1, 9, 1, b"t/p/a", b"later", retried), HOOKS)

    results = await redrive(log, HOOKS_WAY)

    assert [one.to.topic for one in results if one.to] == [LANE, LANE]
    for record in log.all(LANE):
        assert read_turn(record).attempt == 1
        assert read_redriven(record.headers)
    assert {record.value for record in log.all(LANE)} == {b"update", b"later"}
    assert log.all("updates") == []


async def test_what_the_log_refuses_is_told_and_the_rest_goes_on() -> None:
    log = log_twin()
    bury(log, publish(log, b"t/p/a", b"1"))
    bury(log, publish(log, b"t/p/b", b"1"))
    log.refused[b"t/p/a"] = LimitExceeded("too large")

    results = await redrive(log)

    assert sorted((one.error, one.to is not None) for one in results) == [
        ("", True),
        ("too large", False),
    ]


async def test_a_log_that_goes_away_raises_after_what_was_done_is_noted() -> None:
    log = log_twin()
    bury(log, publish(log, b"t/p/a", b"1"))
    bury(log, publish(log, b"t/p/b", b"1"))
    log.refused[b"t/p/a"] = DependencyAway("away")

    with pytest.raises(DependencyAway):
        await redrive(log)

    assert len([one for one in log.all(LETTERS) if read_note(one.headers)]) == 1


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=12), st.data())
async def test_the_newest_publish_of_a_key_is_never_overwritten(
    story: list[tuple[str, bool]], data: st.DataObject
) -> None:
    """Whatever is redriven, in whatever portions: of what was published last, dead or not,

    nothing older stands after it, once it stands there at all."""
    log = log_twin()
    letters = []
    for number, (name, dead) in enumerate(story):
        received = publish(log, f"t/p/{name}".encode(), str(number).encode())
        if dead:
            letters.append(Place.of(bury(log, received)))
    for _ in range(data.draw(st.integers(0, 3))):
        chosen = data.draw(st.sets(st.sampled_from(letters))) if letters else set()
        if chosen:
            await redrive(log, places=sorted(chosen))

    for name in "ab":
        alive = [number for number, (one, dead) in enumerate(story) if one == name and not dead]
        told = [
            int(record.value or b"")
            for record in log.all(VALUES)
            if record.key == f"t/p/{name}".encode()
            and (read_redriven(record.headers) or int(record.value or b"") in alive)
        ]
        assert told == sorted(told), f"{story}: {told}"
