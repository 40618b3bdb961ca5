"""Lists of live values, and which version of a value is current."""

from collections.abc import Mapping

import pytest
from query_world import PUBLISHED_AT_MS, SCOPE, World

from contex.errors import DependencyAway
from contex.index.memory import MemoryIndex
from contex.index.queries import ValuePage
from contex.index.types import ValueInfo
from contex.query.listing import ATTEMPTS_MAX, current_value, list_values
from contex.query.types import Listed
from contex.records import Scope, ValueKey


async def everything(world: World, *, limit: int = 4, prefix: str = "") -> list[Listed]:
    listed: list[Listed] = []
    after = None
    for _ in range(100):
        page = await list_values(world.index, SCOPE, limit=limit, after=after, prefix=prefix)
        assert len(page.values) <= limit
        listed += page.values
        after = page.after
        if after is None:
            return listed
    raise AssertionError("expected the list to end")


async def test_every_live_value_is_listed_once_with_what_is_known_of_it() -> None:
    world = World()
    for number in range(10):
        await world.publish(f"v{number}", f"text {number}", metadata={"n": str(number)})
    changed = await world.publish("v3", "a longer text", metadata={"n": "again"})
    await world.delete("v4")
    await world.publish("v0", "elsewhere", scope=Scope("acme", "other"))

    listed = {one.key.data_key: one for one in await everything(world)}

    assert sorted(listed) == ["v0", "v1", "v2", "v3", "v5", "v6", "v7", "v8", "v9"]
    one = listed["v3"]
    assert (one.head.revision, one.head.tokens > 0) == (changed, True)
    assert (one.info.metadata, one.info.size_bytes) == ({"n": "again"}, len("a longer text"))
    assert (one.info.content_type, one.info.published_at_ms) == ("text/plain", PUBLISHED_AT_MS)


async def test_a_page_is_sorted_and_a_prefix_narrows_it() -> None:
    world = World()
    for name in ("team/b", "team/a", "teams", "other"):
        await world.publish(name, "text")
    page = await list_values(world.index, SCOPE, limit=50)
    assert [one.key.data_key for one in page.values] == ["other", "team/a", "team/b", "teams"]
    assert {one.key.data_key for one in await everything(world, prefix="team/")} == {
        "team/a",
        "team/b",
    }


class Changing(MemoryIndex):
    """After its heads were read for the first time, a value changes and another ends."""

    world: World | None = None

    async def value_page(
        self, scope: Scope, *, limit: int, after: str | None = None, prefix: str = ""
    ) -> ValuePage:
        page = await super().value_page(scope, limit=limit, after=after, prefix=prefix)
        world, self.world = self.world, None
        if world is not None:
            await world.publish("changes", "new text")
            await world.delete("ends")
        return page


async def test_a_value_that_changes_while_it_is_listed_is_listed_as_it_is_then() -> None:
    index = Changing()
    world = World(index)
    for name in ("changes", "ends", "stays"):
        await world.publish(name, "text")
    index.world = world

    page = await list_values(index, SCOPE, limit=10)

    shown = {one.key.data_key: one.info.size_bytes for one in page.values}
    assert shown == {"changes": len("new text"), "stays": len("text")}


class Restless(MemoryIndex):
    """Whenever its heads were read, a value changes, so many times; at last it may be deleted."""

    world: World | None = None
    changes = 0
    deleted_at_last = False

    async def value_infos(self, revisions: Mapping[ValueKey, int]) -> dict[ValueKey, ValueInfo]:
        if self.world is not None and self.changes > 0:
            self.changes -= 1
            if self.deleted_at_last and self.changes == 0:
                await self.world.delete("changes")
            else:
                await self.world.publish("changes", f"text {self.changes}")
        return await super().value_infos(revisions)


async def restless(changes: int) -> Restless:
    index = Restless()
    world = World(index)
    for name in ("changes", "stays"):
        await world.publish(name, "text")
    index.world, index.changes = world, changes
    return index


async def test_no_value_is_left_out_because_it_keeps_changing() -> None:
    page = await list_values(await restless(ATTEMPTS_MAX - 1), SCOPE, limit=10)
    assert [one.key.data_key for one in page.values] == ["changes", "stays"]
    with pytest.raises(DependencyAway, match=r"values change .*: 1"):
        await list_values(await restless(ATTEMPTS_MAX), SCOPE, limit=10)


async def test_a_value_that_is_deleted_at_last_fails_no_list() -> None:
    index = await restless(ATTEMPTS_MAX)
    index.deleted_at_last = True
    page = await list_values(index, SCOPE, limit=10)
    assert [one.key.data_key for one in page.values] == ["stays"]


async def test_the_current_version() -> None:
    world = World()
    key = ValueKey(SCOPE, "a")
    assert await current_value(world.index, key) is None
    await world.publish("a", "one")
    second = await world.publish("a", "two")
    head = await current_value(world.index, key)
    assert head is not None
    assert (head.revision, head.readable) == (second, second)
    await world.delete("a")
    assert await current_value(world.index, key) is None


async def test_a_version_published_again_unchanged_is_read_where_the_log_keeps_it() -> None:
    world = World()
    first = await world.publish("a", "one")
    with pytest.raises(AssertionError, match="unchanged"):
        await world.publish("a", "one", revision=first + 7)
    head = await current_value(world.index, ValueKey(SCOPE, "a"))
    assert head is not None
    assert (head.revision, head.readable) == (first, first + 7)
