"""Queries over the twin: exactly what stands in the index, ranked as the rule says."""

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from query_world import PUBLISHED_AT_MS, SCOPE, World, names

from contex.index.lexical import passage_terms, query_terms, rarity, saturated, words
from contex.index.memory import MemoryIndex
from contex.index.queries import Nearest, Ranking
from contex.index.types import ValueChunks, ValueHead, ValueInfo
from contex.query import decide
from contex.query.decide import rule_of
from contex.query.queries import query, query_many
from contex.query.types import Evidence, Mode, Query, Weights
from contex.records import Exclusion, Scope, ValueKey
from contex.records.publication import INLINE_BYTES_MAX

WORDS = words(
    "order refund invoice delivery parcel warehouse price basket supplier stock customer"
    " address message account quality roast grinder filter machine coffee"
)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_nearest_come_first_with_what_is_known_of_them(world: World) -> None:
    revision = await world.publish(
        "tech/stack", '{"database": "PostgreSQL", "cache": "Valkey"}', metadata={"team": "sre"}
    )
    await world.publish("menu", "soup and bread")

    answer = await world.ask("database cache")

    (match,) = answer.matches
    assert (match.key.data_key, match.revision) == ("tech/stack", revision)
    assert match.info.metadata == {"team": "sre"}
    assert match.info.content_type == "application/json"
    assert match.info.published_at_ms == PUBLISHED_AT_MS
    assert match.info.size_bytes == len('{"database": "PostgreSQL", "cache": "Valkey"}')
    assert match.value is not None
    assert match.value.content.startswith(b"{")
    assert match.tokens > 0
    assert answer.omitted_total == 0


async def test_an_exact_token_is_found_by_words_though_meaning_misses_it(world: World) -> None:
    await world.publish("log/a", "payment refused with E4711 by the bank in the second attempt")
    for number in range(8):
        await world.publish(f"log/b{number}", f"parcel number {number} left the warehouse today")

    dense = await world.ask("E4711", mode=Mode.DENSE, threshold=0.6)
    lexical = await world.ask("e4711", mode=Mode.LEXICAL)
    hybrid = await world.ask("E4711")

    assert names(dense) == []
    assert names(lexical) == ["log/a"]
    assert names(hybrid) == ["log/a"]
    assert hybrid.matches[0].evidence.literal
    assert hybrid.matches[0].score >= decide.LITERAL_COSINE


async def test_each_mode_says_of_what_its_score_is_made(world: World) -> None:
    await world.publish("a", "orders and refunds of customers")
    shown = {}
    for mode in Mode:
        (match,) = (await world.ask("refunds of customers", mode=mode)).matches
        shown[mode] = (match.evidence.dense is None, match.evidence.lexical is None)
        rule = rule_of(Query("", mode=mode))
        assert match.score == pytest.approx(rule.score(match.evidence))
    assert shown == {
        Mode.DENSE: (False, True),
        Mode.LEXICAL: (True, False),
        Mode.HYBRID: (False, False),
    }


async def test_nothing_is_better_than_something_that_is_not_meant(world: World) -> None:
    await world.publish("menu", "soup and bread")
    for mode in Mode:
        assert names(await world.ask("quarterly revenue forecast", mode=mode)) == []


async def test_a_question_without_any_word_has_no_worded_answer(world: World) -> None:
    await world.publish("menu", "what is it")
    assert names(await world.ask("of the", mode=Mode.LEXICAL)) == []


async def test_only_the_newest_revision_counts_and_no_deleted_value(world: World) -> None:
    await world.publish("a", "coffee grinder")
    await world.publish("a", "soup and bread")
    await world.publish("b", "coffee grinder")
    await world.delete("b")
    newest = await world.publish("c", "coffee grinder")
    await world.publish("d", "coffee grinder")

    answer = await world.ask("coffee grinder")

    assert names(answer) == ["c", "d"]
    assert answer.matches[0].revision == newest


async def test_chunks_that_wait_to_be_deleted_do_not_count(world: World) -> None:
    await world.publish("a", "coffee grinder", revision=5)
    key = ValueKey(SCOPE, "a")
    held = world.embedder.embed(["soup"])
    stale = ValueChunks(key, 3, held, None, terms=(passage_terms("soup"),))
    await world.index.put_chunks([stale])
    assert names(await world.ask("soup")) == []


async def test_filters_times_and_exclusions(world: World) -> None:
    await world.publish("a", "coffee grinder manual", metadata={"team": "web", "lang": "en"})
    await world.publish("b", "coffee grinder manual, deprecated", metadata={"team": "web"})
    await world.publish("c", "coffee grinder manual", metadata={"team": "sre"})
    await world.publish("d", "coffee grinder manual", published_at_ms=PUBLISHED_AT_MS + 1)
    asked = "coffee grinder manual"

    async def found(**how: Any) -> list[str]:
        return sorted(names(await world.ask(asked, **how)))

    assert await found() == ["a", "b", "c", "d"]
    assert await found(filters={"team": ("web",)}) == ["a", "b"]
    assert await found(filters={"team": ("web", "sre"), "lang": ("en",)}) == ["a"]
    assert await found(published_after_ms=PUBLISHED_AT_MS + 1) == ["d"]
    assert await found(published_before_ms=PUBLISHED_AT_MS + 1) == ["a", "b", "c"]
    for mode in Mode:
        deprecated = (Exclusion("deprecated", 0.3),)
        assert await found(exclusions=deprecated, mode=mode) == ["a", "c", "d"]


async def test_the_budget_is_filled_best_first(world: World) -> None:
    await world.publish("best", "coffee grinder")
    await world.publish("long", "coffee grinder " + "roast quality and machine filter " * 12)
    await world.publish("next", "coffee grinder basket")

    assert names(await world.ask("coffee grinder", threshold=0.1)) == ["best", "next", "long"]
    budget = await world.ask("coffee grinder", threshold=0.1, tokens_max=10)
    assert (names(budget), budget.omitted_total) == (["best", "next"], 1)
    one = await world.ask("coffee grinder", threshold=0.1, top_k=1)
    assert (names(one), one.omitted_total) == (["best"], 2)


async def test_large_values_go_by_reference_and_none_where_none_is_wanted(world: World) -> None:
    await world.publish("large", "coffee grinder " + " " * INLINE_BYTES_MAX)
    await world.publish("small", "coffee grinder")

    values = {
        match.key.data_key: match.value for match in (await world.ask("coffee grinder")).matches
    }
    without = await world.ask("coffee grinder", include_data=False)

    assert values["large"] is None
    assert values["small"] is not None
    assert all(match.value is None for match in without.matches)


@pytest.mark.promise(6)
async def test_no_query_crosses_a_scope_and_no_score_tells_of_another(world: World) -> None:
    other, sibling = Scope("rival", "shop"), Scope("acme", "shop2")
    await world.publish("a", "coffee grinder")
    await world.publish("b", "refund of an order")
    before = [await world.ask("coffee refund", mode=mode, threshold=0.0) for mode in Mode]
    for scope in (other, sibling):
        for number in range(20):
            await world.publish(f"x{number}", "coffee grinder", scope=scope)

    after = [await world.ask("coffee refund", mode=mode, threshold=0.0) for mode in Mode]

    assert after == before, "what others publish changed an answer or a score"
    assert names(await world.ask("coffee", scope=Scope("rival", "nothing"))) == []


async def test_several_questions_are_embedded_together_and_answered_alone(world: World) -> None:
    await world.publish("a", "coffee grinder")
    await world.publish("b", "refund of an order")
    asked = [
        Query("coffee grinder"),
        Query("refund", exclusions=(Exclusion("coffee"),)),
        Query("coffee", mode=Mode.LEXICAL),
    ]
    alone = [await query(world.ports, SCOPE, one) for one in asked]
    world.batcher.batches.clear()

    together = await query_many(world.ports, SCOPE, asked)

    assert together == alone
    assert world.batcher.batches == [4], (
        "expected one batch: two questions, an exclusion's readings"
    )


class Overtaking(MemoryIndex):
    """While it is searched for the first time, a value gets a new revision."""

    def __init__(self, publish: Any) -> None:
        super().__init__()
        self.publish = publish

    async def nearest_values(self, asked: Nearest) -> Ranking:
        ranking = await super().nearest_values(asked)
        if self.publish is not None:
            publish, self.publish = self.publish, None
            await publish()
        return ranking


async def test_a_value_that_changes_during_the_search_is_found_all_the_same() -> None:
    index = Overtaking(None)
    changing = World(index)
    await changing.publish("a", "coffee grinder")
    index.publish = partial(changing.publish, "a", "coffee grinder, the second edition")

    (match,) = (await changing.ask("coffee grinder")).matches

    assert match.value is not None
    assert b"second" in match.value.content


@pytest.mark.parametrize("seed", range(12))
async def test_the_answer_is_what_looking_at_everything_gives(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pages of a few passages, so that every one has to grow."""
    monkeypatch.setattr(decide, "PASSAGES_FIRST", 2)
    monkeypatch.setattr(decide, "PASSAGES_GROWTH", 2)
    monkeypatch.setattr(decide, "UNSURE_MAX", 2)
    chance = random.Random(seed)
    written: dict[ValueKey, ValueChunks] = {}
    for number in range(30):
        texts = [" ".join(chance.choices(WORDS, k=6)) for _ in range(chance.randint(1, 3))]
        key = ValueKey(SCOPE, f"value {number:02}")
        labels = {"team": chance.choice(["web", "sre"])}
        chunks = ValueChunks(
            key,
            1,
            world.embedder.embed(texts),
            None,
            ValueInfo(None, labels),
            tuple(map(passage_terms, texts)),
        )
        written[key] = chunks
        await world.index.put_chunks([chunks])
        await world.index.switch_value_heads({key: ValueHead(1, "hash")})
    for _ in range(10):
        asked = Query(
            " ".join(chance.choices(WORDS, k=chance.randint(1, 4))),
            mode=chance.choice(list(Mode)),
            threshold=chance.choice([None, 0.0, 0.2, 0.6]),
            top_k=chance.choice([1, 5, 50]),
            filters=chance.choice([{}, {"team": ("web",)}]),
            weights=chance.choice([None, Weights(0.5, 0.5), Weights(0.1, 1.0)]),
        )
        expected = by_looking_at_everything(world, written, asked)

        answer = await query(world.ports, SCOPE, asked)

        found = [(match.key, pytest.approx(match.score, abs=1e-4)) for match in answer.matches]
        assert [score for _, score in expected[: asked.top_k]] == [score for _, score in found]
        kept = dict(expected)
        assert all(
            kept[match.key] == pytest.approx(match.score, abs=1e-4) for match in answer.matches
        )


def by_looking_at_everything(
    world: World, written: Mapping[ValueKey, ValueChunks], asked: Query
) -> list[tuple[ValueKey, float]]:
    rule = rule_of(asked)
    passages = [terms for chunks in written.values() for terms in chunks.terms]
    terms = query_terms(asked.text)
    weights = rarity({one: sum(one in p for p in passages) for one in terms}, len(passages))
    vector = world.embedder.embed([asked.text])[0]
    found: list[tuple[ValueKey, float]] = []
    for key, chunks in written.items():
        bm25 = max(sum(weights.get(one, 0) * p.get(one, 0) for one in terms) for p in chunks.terms)
        evidence = Evidence(
            dense=float(np.max(chunks.vectors @ vector)),
            lexical=saturated(bm25),
            literal=bool(rule.weights.lexical)
            and any(set(terms) <= p.keys() for p in chunks.terms),
        )
        score = rule.score(evidence)
        if rule.matches(score) and decide.passes_info(asked, chunks.info):
            found.append((key, score))
    return sorted(found, key=lambda one: (-one[1], one[0]))
