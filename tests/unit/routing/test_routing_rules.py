"""What an agent is told, over the in-memory index: budgets, references, rejections."""

import pytest
from routing_world import POISON, SCOPE, LetterMeaning, Mailboxes, agent_key, value_key

from contex.index.memory import MemoryIndex
from contex.records import (
    Cause,
    Deletion,
    Need,
    Publication,
    Registration,
    StreamDelivery,
    Update,
    UpdateKind,
    Value,
    ValueKey,
)
from contex.records.codec import Codec
from contex.records.publication import INLINE_BYTES_MAX
from contex.records.schema_source import PinnedSchemas
from contex.routing.decide import OMITTED_MAX
from contex.routing.outcomes import Outcome, Rejected, Routed, Skip, Skipped
from contex.routing.ports import Ports, Reading
from contex.routing.publications import Arrived, route_publications
from contex.routing.registrations import Registered, route_registration
from topology.catalogue import UPDATES


class FirstLetterMeaning(LetterMeaning):
    """A value means its first letter, however long it is; its tokens are its length."""

    async def read(self, data_key: str, value: Value) -> Reading:
        text = value.content.decode()
        await super().read(data_key, Value(text[:1].encode()))
        return Reading((text[:1],), len(text), "text/plain")


class Router:
    """Routes one record after the other; the offset counts up."""

    def __init__(self) -> None:
        self.mail = Mailboxes()
        self.ports = Ports(MemoryIndex(), FirstLetterMeaning(), self.mail)
        self.offset = -1

    def _next(self, topic: str) -> Cause:
        self.offset += 1
        return Cause(topic, 0, self.offset)

    async def publish(self, name: str, text: str, **labels: str) -> Outcome:
        cause = self._next("publications")
        record = Publication(value_key(name), Value(text.encode(), None, labels), "e", 0)
        [outcome] = await route_publications([Arrived(record, cause)], self.ports)
        return outcome

    async def register(self, name: str, *letters: str, token_budget: int = 10**9) -> Update:
        cause = self._next("registrations")
        needs = tuple(Need(letter, 0.5) for letter in letters)
        record = Registration(agent_key(name), needs, StreamDelivery(), "e", 0, token_budget)
        await route_registration(Registered(record, cause), self.ports)
        return self.mail.told[-1]


@pytest.fixture
def router() -> Router:
    return Router()


def keys(update: Update) -> list[str]:
    return [item.data_key for item in update.items]


async def test_what_does_not_fit_the_budget_is_named_and_smaller_ones_still_fit(
    router: Router,
) -> None:
    await router.publish("k1", "a" * 50)
    await router.publish("k2", "a" * 60)
    await router.publish("k3", "a" * 40)

    initial = await router.register("agent", "a", token_budget=95)

    assert keys(initial) == ["k1", "k3"]
    assert [(one.data_key, one.tokens) for one in initial.omitted] == [("k2", 60)]
    assert initial.omitted_total == 1


async def test_the_list_of_what_did_not_fit_is_bounded_and_its_total_is_told(
    router: Router,
) -> None:
    count = OMITTED_MAX + 5
    for number in range(count):
        await router.publish(f"k{number}", "aa")

    initial = await router.register("agent", "a", token_budget=1)

    assert (0, OMITTED_MAX, count) == (
        len(initial.items),
        len(initial.omitted),
        initial.omitted_total,
    )


@pytest.mark.parametrize("labels_each", [1, 60])
async def test_an_initial_fits_its_topic_whatever_its_values_carry(
    router: Router, labels_each: int
) -> None:
    labels = {f"label-{number}": "é" * 500 for number in range(labels_each)}
    for number in range(150):
        await router.publish(f"k{number}", "a" + "b" * 60_000, **labels)

    initial = await router.register("agent", "a")

    message = Codec(PinnedSchemas()).encode(initial)
    assert len(message.value or b"") < int(UPDATES.config["max.message.bytes"])
    assert len(initial.items) == 150
    assert all(item.content is not None or item.reference for item in initial.items)


async def test_a_large_value_travels_by_reference_to_its_revision(router: Router) -> None:
    await router.register("agent", "a")
    await router.publish("large/key", "a" * (INLINE_BYTES_MAX + 1))

    item = router.mail.told[-1].items[0]

    assert item.content is None
    assert item.reference == f"/api/v1/projects/{SCOPE.project}/data/large%2Fkey?revision=1"


async def test_a_reference_follows_an_unchanged_value_to_its_newest_record(
    router: Router,
) -> None:
    large = "a" * (INLINE_BYTES_MAX + 1)
    await router.publish("large", large)
    assert Skipped(Skip.UNCHANGED) == await router.publish("large", large)

    initial = await router.register("agent", "a")

    # The log compacts the first record away; the second stays until the value changes.
    assert (initial.items[0].revision, initial.items[0].reference) == (
        0,
        f"/api/v1/projects/{SCOPE.project}/data/large?revision=1",
    )


async def test_a_rejected_version_leaves_the_older_one_in_force(router: Router) -> None:
    await router.register("agent", "a")
    await router.publish("k", "a")

    outcome = await router.publish("k", POISON)

    assert isinstance(outcome, Rejected)
    assert keys(await router.register("late", "a")) == ["k"]


async def test_an_agent_with_several_needs_is_told_once_best_need_first(router: Router) -> None:
    await router.register("agent", "b", "a", "c")
    outcome = await router.publish("k", "a")

    assert Routed({UpdateKind.MATCHED: 1}) == outcome
    assert [need.need for need in router.mail.told[-1].items[0].needs] == ["a"]


async def test_a_batch_is_routed_in_order_per_key() -> None:
    router = Router()
    await router.register("agent", "a")
    contents: list[str | None] = ["a1", "b", "a2", None, "a3"]
    batch: list[Arrived] = []
    for text in contents:
        cause = Cause("publications", 0, len(batch) + 1)
        key: ValueKey = value_key("k")
        record = (
            Deletion(key, "e", 0)
            if text is None
            else Publication(key, Value(text.encode()), "e", 0)
        )
        batch.append(Arrived(record, cause))

    await route_publications(batch, router.ports)

    told = [(update.kind.value, update.items[0].revision) for update in router.mail.told[1:]]
    assert told == [
        ("matched", 1),
        ("retracted", 2),
        ("matched", 3),
        ("deleted", 4),
        ("matched", 5),
    ]
