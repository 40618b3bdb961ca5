"""Random histories of publications, registrations, deletions, crashes, former owners that still
run, and redeliveries, against what every agent must hold in the end (promises 1, 2, 3 and 5)."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_world import POISON, World

from contex.embedding.port import Vectors
from contex.index.port import Index
from contex.index.types import AgentHead, ValueHead
from contex.records import AgentKey, ValueKey

CONTENTS = ["a", "b", "ab", "c", "bc", "", POISON, None, None]
NEEDS = ["a", "b", "ac", None]
ACTIONS_MAX = 40


def act(world: World, choose: Callable[[int], int]) -> None:
    """Do one thing that the world allows."""
    partition = world.partitions()[choose(2)]
    match choose(12):
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


def play(choose: Callable[[int], int], actions: int, **world_options: Any) -> World:
    world = World(choose, **world_options)
    for _ in range(actions):
        act(world, choose)
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

    world = play(choose, data.draw(st.integers(5, ACTIONS_MAX)))

    assert world.expected() == world.held()


@pytest.mark.promise(1)
@pytest.mark.parametrize("seed", range(4))
def test_every_agent_ends_with_the_truth_in_long_random_runs(seed: int) -> None:
    chance = random.Random(seed)
    for number in range(700):
        world = play(chance.randrange, chance.randrange(10, 120))

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


class OnlyThePreviousRevision(Sabotaged):
    """`before` sees the newest older revision instead of every one still present."""

    async def older_chunks(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, Vectors]:
        older = await self._index.older_chunks(revisions)
        return {key: vectors[-1:] for key, vectors in older.items()}


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

    async def older_chunks(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, Vectors]:
        await self._index.delete_older_chunks(revisions)
        return {}


@pytest.mark.parametrize(
    "sabotage", [OnlyThePreviousRevision, HeadsAlwaysSwitch, EveryEpochCounts, NothingIsEverOlder]
)
def test_the_world_notices_when_a_guarantee_is_taken_away(
    sabotage: Callable[[Index], Index],
) -> None:
    chance = random.Random(5)
    histories: Sequence[int] = range(6000)

    noticed = False
    for _ in histories:
        world = play(chance.randrange, chance.randrange(10, 120), wrap=sabotage)
        if world.expected() != world.held():
            noticed = True
            break

    assert noticed, f"{len(histories)} histories without this guarantee all ended well"
