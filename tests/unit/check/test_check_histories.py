"""The checker against random histories of the real routing algorithm: silent when all was told,

and when something was lost, it names exactly what a brute-force model finds wrong."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from check_world import CODEC, SOURCES, checked, log_of, wrong
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_world import POISON, World

from contex.check import judging
from contex.check.findings import Kind, Report, Unjudged
from contex.check.weighing import best_scores
from contex.embedding.port import Vectors
from contex.records import Cause, Item, MatchedNeed, Omitted, Update, UpdateKind, update_id
from contex.records.message import Message

CONTENTS = ["a", "b", "ab", "c", "", POISON, None, "a@p", "c@q"]
NEEDS = ["a", "b", "a c", None, "a-b", "b-c@q", "a@p b-ac"]
ACTIONS_MAX = 40


def play(data: st.DataObject) -> World:
    """Run a history to its end, with crashes and former owners."""

    def choose(count: int) -> int:
        return int(data.draw(st.integers(0, count - 1)))

    world = World(choose)
    for _ in range(data.draw(st.integers(5, ACTIONS_MAX))):
        partition = world.partitions()[choose(2)]
        match choose(10):
            case 0 | 1:
                world.publish("xy"[choose(2)], CONTENTS[choose(len(CONTENTS))])
            case 2:
                world.register("12"[choose(2)], NEEDS[choose(len(NEEDS))])
            case 3:
                world.crash(partition)
            case 4:
                world.replace(partition)
            case _:
                if ready := world.runnable():
                    world.step(*ready[choose(len(ready))])
    world.run_to_the_end()
    return world


def named(report: Report) -> set[tuple[str, str]]:
    return {(one.agent_id, one.data_key) for one in report.findings}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_what_was_routed_is_consistent(data: st.DataObject) -> None:
    world = play(data)

    report = await checked(log_of(world, world.mail.told))

    assert report.findings == []
    assert set(report.unjudged) <= {Unjudged.NEAR}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_what_was_lost_is_found_and_nothing_else(data: st.DataObject) -> None:
    world = play(data)
    told = world.mail.told
    lost = data.draw(st.sets(st.integers(0, len(told) - 1), max_size=4)) if told else set()
    left = [update for number, update in enumerate(told) if number not in lost]

    report = await checked(log_of(world, left))

    expected = wrong(world, left)
    if report.unjudged:  # in a world of three letters some scores are exactly equal
        assert set(report.unjudged) == {Unjudged.NEAR}
        assert named(report) <= expected
    else:
        assert named(report) == expected
    kinds = {Kind.LOST, Kind.OUTDATED, Kind.NOT_ENDED, Kind.NO_INITIAL}
    assert set(report.counts) <= kinds


def settled() -> World:
    """Return a world in which one agent holds one value, and another agent nothing."""
    world = World(lambda _count: 0)
    world.register("1", "a")
    world.register("2", "b")
    world.run_to_the_end()
    world.publish("x", "a")
    world.run_to_the_end()
    world.publish("y", "c")
    world.run_to_the_end()
    return world


def matched(world: World) -> Update:
    [update] = [one for one in world.mail.told if one.kind == UpdateKind.MATCHED]
    return update


def with_item(update: Update, **changed: object) -> Update:
    return replace(update, items=(replace(update.items[0], **changed),))  # type: ignore[arg-type]


async def kinds(world: World, told: list[Update]) -> list[Kind]:
    return sorted((await checked(log_of(world, told))).counts.elements())


async def test_a_settled_world_is_consistent() -> None:
    world = settled()
    report = await checked(log_of(world, world.mail.told))

    assert report.consistent
    assert (report.judged["agents"], report.judged["values"], report.judged["items"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"revision": 1}, Kind.WRONG_REVISION),
        ({"content": b"b"}, Kind.WRONG_CONTENT),
        ({"content_type": "text/html"}, Kind.WRONG_CONTENT),
        ({"metadata": {"a": "b"}}, Kind.WRONG_CONTENT),
        ({"content": None}, Kind.WRONG_CONTENT),
        ({"content": None, "reference": "/elsewhere?revision=0"}, Kind.WRONG_CONTENT),
        ({"tokens": 7}, Kind.WRONG_CONTENT),
        ({"needs": (MatchedNeed("a", 0.9, 0.5),)}, Kind.WRONG_SCORE),
        ({"needs": (MatchedNeed("c", 1.0, 0.5),)}, Kind.WRONG_NEEDS),
        ({"needs": ()}, Kind.SPURIOUS),
        ({"data_key": "y"}, Kind.WRONG_REVISION),
    ],
)
async def test_an_item_that_says_something_else_is_found(
    changed: dict[str, object], kind: Kind
) -> None:
    world = settled()
    told = [with_item(one, **changed) if one is matched(world) else one for one in world.mail.told]

    assert kind in await kinds(world, told)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"kind": UpdateKind.RETRACTED}, Kind.WRONG_CONTENT),
        ({"kind": UpdateKind.DELETED}, Kind.WRONG_KIND),
        ({"cause": Cause("publications", 0, 1)}, Kind.WRONG_ID),
        ({"cause": Cause("elsewhere", 0, 0)}, Kind.WRONG_CAUSE),
        ({"epoch": 1}, Kind.WRONG_EPOCH),
        ({"epoch": 99}, Kind.WRONG_EPOCH),
    ],
)
async def test_an_update_that_says_something_else_is_found(
    changed: dict[str, object], kind: Kind
) -> None:
    world = settled()
    told = [
        replace(one, **changed) if one is matched(world) else one  # type: ignore[arg-type]
        for one in world.mail.told
    ]

    assert kind in await kinds(world, told)


async def test_an_update_that_was_not_owed_is_found() -> None:
    world = settled()
    update = matched(world)
    agent = next(one.agent for one in world.mail.told if one.agent.agent_id == "2")
    item = replace(update.items[0], needs=(MatchedNeed("b", 0.9, 0.5),))
    spurious = replace(
        update, agent=agent, epoch=1, items=(item,), update_id=update_id(update.cause, agent)
    )

    assert await kinds(world, [*world.mail.told, spurious]) == [Kind.SPURIOUS]


@pytest.mark.parametrize("kind", [UpdateKind.RETRACTED, UpdateKind.DELETED])
async def test_the_end_of_what_an_agent_was_never_owed_is_found(kind: UpdateKind) -> None:
    world = settled()
    world.publish("x", "c" if kind is UpdateKind.RETRACTED else None)
    world.run_to_the_end()
    end = world.mail.told[-1]
    agent = next(one.agent for one in world.mail.told if one.agent.agent_id == "2")
    spurious = replace(end, agent=agent, epoch=1, update_id=update_id(end.cause, agent))

    assert end.kind == kind
    assert await kinds(world, [*world.mail.told, end]) == []
    assert await kinds(world, [*world.mail.told, spurious]) == [Kind.SPURIOUS]
    log = log_of(world, [*world.mail.told, spurious])
    long_ago = await checked(log, uncompacted_since_ms=log.now_ms + 1)
    assert long_ago.consistent
    assert long_ago.unjudged == {Unjudged.COMPACTED: 1}


@pytest.mark.parametrize("kind", [UpdateKind.INITIAL, UpdateKind.MATCHED])
async def test_a_cause_in_another_partition_is_found(kind: UpdateKind) -> None:
    world = settled()
    right = next(one for one in world.mail.told if one.kind == kind)
    cause = replace(right.cause, partition=5)
    wrong = replace(right, cause=cause, update_id=update_id(cause, right.agent))
    told = [wrong if one is right else one for one in world.mail.told]

    assert Kind.WRONG_CAUSE in await kinds(world, told)


async def test_what_routing_has_not_finished_is_not_judged() -> None:
    world = settled()
    told = [one for one in world.mail.told if one.kind != UpdateKind.MATCHED]
    finished = {("publications", 0): 0, ("registrations", 0): 2}

    report = await checked(log_of(world, told), finished=finished)

    assert report.consistent
    assert report.unjudged[Unjudged.IN_FLIGHT] == 4  # two agents, two values


async def test_what_the_feed_no_longer_retains_is_not_judged() -> None:
    world = settled()
    log = log_of(world, world.mail.told)
    log.first[SOURCES.updates, 0] = len(world.mail.told)

    report = await checked(log)

    assert report.consistent
    assert report.unjudged[Unjudged.RETENTION] == 1


async def test_a_window_judges_what_was_told_within_it() -> None:
    world = settled()
    log = log_of(world, [one for one in world.mail.told if one.kind != UpdateKind.MATCHED])

    before = await checked(log, since_ms=log.now_ms + 1)
    whole = await checked(log)

    assert before.consistent
    assert before.unjudged[Unjudged.RETENTION] == 1
    assert whole.counts == {Kind.LOST: 1}


async def test_a_compacted_revision_is_not_judged_but_its_value_is() -> None:
    world = settled()
    world.publish("x", "a")  # the same again: nobody is told, the revision stays
    world.run_to_the_end()
    log = log_of(world, world.mail.told)
    log.drop(SOURCES.publications, 0, 0)

    report = await checked(log)
    young = await checked(log, uncompacted_since_ms=1)

    assert report.consistent
    assert report.unjudged == {Unjudged.COMPACTED: 1}
    assert young.consistent  # nothing stands before it: its age is not known


async def test_a_compacted_registration_leaves_its_updates_half_judged() -> None:
    world = settled()
    world.register("1", "a c")
    world.run_to_the_end()
    log = log_of(world, world.mail.told)
    log.drop(SOURCES.registrations, 0, 0)

    report = await checked(log)

    assert report.consistent
    assert report.unjudged == {Unjudged.COMPACTED: 1}


async def test_a_record_that_nobody_can_read_needs_a_dead_letter() -> None:
    world = settled()
    world.publish("x", POISON)
    world.run_to_the_end()
    log = log_of(world, world.mail.told)
    assert (await checked(log)).consistent
    log.drop("dead", 0, 0)

    report = await checked(log)

    assert report.counts == {Kind.UNACCOUNTED: 1}
    assert [one.data_key for one in report.findings] == ["x"]


async def test_a_dead_letter_that_could_be_read_today_leaves_its_value_unjudged() -> None:
    world = settled()
    log = log_of(world, world.mail.told)
    world.publish("x", "b")
    received = log.append(SOURCES.publications, CODEC.encode(world.publications.log[-1].record))
    headers = (
        ("topic", b"publications"),
        ("partition", b"0"),
        ("offset", str(received.offset).encode()),
        ("stage", b"routing"),
        ("class", b"E"),
        ("message", b""),
        ("attempt", b"1"),
        ("first_failed_at", b"1"),
    )
    named_headers = tuple((f"__contex.errors.{name}", value) for name, value in headers)
    log.append("dead", Message(received.key or b"", received.value, named_headers))

    report = await checked(log)

    assert report.consistent
    assert report.unjudged == {Unjudged.DEAD_LETTER: 2}


async def test_an_omitted_value_is_accounted_for() -> None:
    world = settled()
    update = matched(world)
    initial = next(one for one in world.mail.told if one.agent == update.agent)
    for omitted, expected in (
        ((Omitted("x", 0, 1.0, 1),), []),
        ((Omitted("x", 7, 1.0, 1),), [Kind.WRONG_REVISION]),
        ((Omitted("x", 0, 1.0, 1), Omitted("y", 1, 1.0, 1)), [Kind.SPURIOUS]),
    ):
        told = [replace(initial, omitted=omitted, omitted_total=1)]
        told += [one for one in world.mail.told if one.agent != update.agent]
        assert await kinds(world, told) == expected
    unlisted = replace(initial, omitted_total=1)
    others = [one for one in world.mail.told if one.agent != update.agent]
    report = await checked(log_of(world, [unlisted, *others]))
    assert (report.consistent, report.unjudged) == (True, {Unjudged.UNLISTED: 1})


async def test_only_the_project_that_is_asked_about_is_judged() -> None:
    world = settled()
    told = [one for one in world.mail.told if one.kind != UpdateKind.MATCHED]

    assert not (await checked(log_of(world, told), tenant="acme", project="shop")).consistent
    report = await checked(log_of(world, told), project="other")

    assert report.consistent
    assert report.judged["values"] == 0


async def test_an_update_that_cannot_be_read_is_found() -> None:
    world = settled()
    log = log_of(world, world.mail.told)
    log.append(SOURCES.updates, Message(b"acme/shop/1", b"junk"))

    assert (await checked(log)).counts == {Kind.UNREADABLE: 1}


async def test_what_an_agent_holds_by_reference_is_judged_by_what_it_refers_to() -> None:
    world = settled()
    item = Item("x", 0, matched(world).items[0].needs, tokens=1)
    for revision, expected in ((0, []), (1, [Kind.WRONG_CONTENT])):
        reference = f"/api/v1/projects/shop/data/x?revision={revision}"
        told = [
            replace(one, items=(replace(item, reference=reference),))
            if one is matched(world)
            else one
            for one in world.mail.told
        ]
        assert await kinds(world, told) == expected


async def test_blocks_of_agents_and_values_find_what_one_block_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = settled()
    for name in "pqrst":
        world.publish(name, "ab")
        world.run_to_the_end()
    lost = [one for one in world.mail.told if one.kind != UpdateKind.MATCHED]
    whole = await checked(log_of(world, lost))
    monkeypatch.setattr(judging, "STATEMENTS_BLOCK_MAX", 1)
    monkeypatch.setattr(judging, "PASSAGES_BLOCK_MAX", 4)
    blocks: list[int] = []
    weighed = best_scores

    def counted(chunks: Vectors, starts: Sequence[int], statements: Vectors) -> Vectors:
        blocks.append(len(chunks))
        return weighed(chunks, starts, statements)

    monkeypatch.setattr(judging, "best_scores", counted)
    cut = await checked(log_of(world, lost))

    assert (cut.counts, cut.judged) == (whole.counts, whole.judged)
    assert len(blocks) > 2
    assert max(blocks) <= 4 + 3  # until there are enough, and a value's own passages
