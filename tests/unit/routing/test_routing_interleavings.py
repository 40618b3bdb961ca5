"""Random histories of publications, registrations, deletions, crashes, former owners that still
run, and redeliveries, against what every agent must hold in the end (promises 1, 2, 3 and 5)."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_world import POISON, World

from contex.index.port import Index
from contex.index.types import (
    AgentHead,
    ExclusionHit,
    NeedSearch,
    OlderChunks,
    ValueHead,
    ValueInfo,
    ValueSearch,
)
from contex.records import AgentKey, ValueKey
from contex.routing import finding
from contex.routing.decide import Hits, counting
from contex.routing.finding import Asked, MetValue, Wanted

CONTENTS = ["a", "b", "ab", "c", "bc", "", POISON, None, None, "a@p", "ab@p", "c@q", "bc@q"]
NEEDS = ["a", "b", "a c", None, "a-b", "b-c@q", "c@q a-b@p", "a@p b-ac"]
ACTIONS_MAX = 40
CONTENTS_CHOSEN = 4
NEEDS_CHOSEN = 2

Older = dict[ValueKey, tuple[OlderChunks, ...]]


@dataclass(frozen=True)
class Words:
    """What one history is about: a few contents and needs, so that they meet often."""

    contents: Sequence[str | None]
    needs: Sequence[str | None]

    @classmethod
    def some(cls, choose: Callable[[int], int]) -> "Words":
        contents = [CONTENTS[choose(len(CONTENTS))] for _ in range(CONTENTS_CHOSEN)]
        return cls(contents, [NEEDS[choose(len(NEEDS))] for _ in range(NEEDS_CHOSEN)])


def act(world: World, words: Words, choose: Callable[[int], int]) -> None:
    """Do one thing that the world allows."""
    partition = world.partitions()[choose(2)]
    match choose(12):
        case 0 | 1:
            world.publish("xy"[choose(2)], words.contents[choose(len(words.contents))])
        case 2:
            world.register("12"[choose(2)], words.needs[choose(len(words.needs))])
        case 3:
            world.crash(partition)
        case 4:
            world.replace(partition)
        case _:
            if ready := world.runnable():
                world.step(*ready[choose(len(ready))])


def play(
    choose: Callable[[int], int],
    actions: int,
    *,
    words: Words | None = None,
    **world_options: Any,
) -> World:
    world = World(choose, **world_options)
    words = words or Words.some(choose)
    for _ in range(actions):
        act(world, words, choose)
    world.run_to_the_end()
    return world


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(3)
@pytest.mark.promise(5)
@settings(
    max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(st.data())
def test_every_agent_ends_with_the_truth(data: st.DataObject) -> None:
    def choose(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    world = play(choose, data.draw(st.integers(5, ACTIONS_MAX)), torn=data.draw(st.booleans()))

    assert world.expected() == world.held()


@pytest.mark.promise(1)
@pytest.mark.parametrize("seed", range(4))
def test_every_agent_ends_with_the_truth_in_long_random_runs(seed: int) -> None:
    chance = random.Random(seed)
    for number in range(700):
        world = play(chance.randrange, chance.randrange(10, 120), torn=bool(number % 2))

        assert world.expected() == world.held(), f"history {number} of seed {seed}"


@pytest.mark.promise(1)
def test_repeats_of_an_update_have_equal_ids_and_equal_causes() -> None:
    chance = random.Random(11)
    repeats = 0
    for _ in range(300):
        world = play(chance.randrange, 80)
        seen: dict[Any, Any] = {}
        for update in world.mail.told:
            identity = (update.cause, update.agent)
            repeats += update.update_id in seen
            assert seen.setdefault(update.update_id, identity) == identity

    assert repeats > 0, "expected some crash to repeat an update, none did: the test shows nothing"


class Sabotaged:
    """An index with one guarantee of the algorithm taken away."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


class OneOlderChunkIsSeen(Sabotaged):
    """`before` sees one chunk of what is still present instead of all."""

    async def older_chunks(self, revisions: Mapping[ValueKey, int]) -> Older:
        older = await self._index.older_chunks(revisions)
        return {
            key: (replace(several[-1], vectors=several[-1].vectors[:1]),)
            for key, several in older.items()
        }


class OlderMetadataIsForgotten(Sabotaged):
    """`before` is judged without the metadata that the older revision had."""

    async def older_chunks(self, revisions: Mapping[ValueKey, int]) -> Older:
        older = await self._index.older_chunks(revisions)
        return {
            key: tuple(replace(chunks, metadata={}) for chunks in several)
            for key, several in older.items()
        }


class NoMetadataIsKept(Sabotaged):
    """A registration finds no metadata: filters are passed by nobody."""

    async def value_infos(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, ValueInfo]:
        await self._index.value_infos(revisions)
        return {}


class ExclusionsAreForgotten(Sabotaged):
    """A publication does not ask for exclusions."""

    async def matching_exclusions(self, searches: Sequence[NeedSearch]) -> list[list[ExclusionHit]]:
        return [[] for _ in searches]


class HeadsAlwaysSwitch(Sabotaged):
    """A head is overwritten by an older revision, as without the condition."""

    async def switch_value_heads(self, heads: Mapping[ValueKey, ValueHead]) -> None:
        held: Any = self._index
        for key, head in heads.items():
            held._value_heads[key] = head


class EveryEpochCounts(Sabotaged):
    """An agent's head is never older: whoever registers last wins, whatever its epoch."""

    async def switch_agent_head(self, key: AgentKey, head: AgentHead) -> None:
        held: Any = self._index
        held._agent_heads[key] = head


class NothingIsEverOlder(Sabotaged):
    """Older chunks are gone before they are asked about, as if removed in step 3."""

    async def older_chunks(self, revisions: Mapping[ValueKey, int]) -> Older:
        await self._index.delete_older_chunks(revisions)
        return {}


def noticed(histories: int, seed: int = 101, **world_options: Any) -> bool:
    """Say whether any of some random histories ends with something else than the truth."""
    chance = random.Random(seed)
    for _ in range(histories):
        world = play(chance.randrange, chance.randrange(10, 120), **world_options)
        if world.expected() != world.held():
            return True
    return False


@pytest.mark.parametrize(
    "sabotage",
    [
        OneOlderChunkIsSeen,
        OlderMetadataIsForgotten,
        NoMetadataIsKept,
        ExclusionsAreForgotten,
        HeadsAlwaysSwitch,
        EveryEpochCounts,
        NothingIsEverOlder,
    ],
)
def test_the_world_notices_when_a_guarantee_is_taken_away(
    sabotage: Callable[[Index], Index],
) -> None:
    assert noticed(6000, wrap=sabotage, torn=True), "6000 histories without it all ended well"


async def values_met_by_half(index: Index, wanted: Wanted) -> list[MetValue]:
    """Judge revisions by exclusions whether they counted before these were asked for or not."""
    search = ValueSearch(wanted.scope, wanted.needs, wanted.vectors[: len(wanted.needs)])
    hits = await finding._meeting(index, wanted, await index.matching_values(search))
    heads = await finding._heads(index, hits)
    return [
        MetValue(hit.key, heads[hit.key], hit.scores)
        for hit in hits
        if finding.counts(hit.revision, heads.get(hit.key))
    ]


async def needs_met_by_half(index: Index, asked: Sequence[Asked]) -> list[Hits]:
    """Judge needs whether they counted before the search or not."""
    searches = [NeedSearch(one.key.scope, one.vectors) for one in asked]
    hits = await index.matching_needs(searches)
    exclusions = await finding._exclusions(index, searches, hits)
    heads = await finding._agent_heads(index, hits)
    return [
        counting(finding._met_needs(found, excluding, one.metadata), heads)
        for found, excluding, one in zip(hits, exclusions, asked, strict=True)
    ]


@pytest.mark.parametrize(
    ("place", "half", "words", "seed"),
    [
        (
            "contex.routing.registrations.values_met",
            values_met_by_half,
            Words(["a", "ab"], ["a-b"]),
            110,
        ),
        (
            "contex.routing.publications.needs_met",
            needs_met_by_half,
            Words(["a", "b"], ["a b"]),
            119,
        ),
    ],
)
def test_the_world_notices_when_half_a_write_is_judged(
    monkeypatch: pytest.MonkeyPatch, place: str, half: object, words: Words, seed: int
) -> None:
    monkeypatch.setattr(place, half)

    noticing = noticed(6000, seed, torn=True, words=words)

    assert noticing, "6000 histories judged by half all ended well"
