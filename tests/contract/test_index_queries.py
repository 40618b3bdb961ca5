"""What every index answers to queries and lists, whichever engine is behind it."""

import random
from uuid import uuid4

import numpy as np
import pytest
from index_engines import Opened, fresh_scope, unit_vectors, value_keys

from contex.index.lexical import passage_terms, query_terms, rarity, term
from contex.index.memory import MemoryIndex
from contex.index.port import Index
from contex.index.queries import Nearest, TermCounts, Wordiest
from contex.index.types import ValueChunks, ValueHead, ValueInfo
from contex.records.names import Scope, ValueKey
from contex.records.publication import Value

TOLERANCE = 1e-5
WORDS = "order refund invoice delivery parcel warehouse price basket supplier stock".split()  # noqa: SIM905 - a text reads better than a list here


@pytest.fixture
def index(opened: Opened) -> Index:
    return opened.index


@pytest.fixture
def scope() -> Scope:
    return fresh_scope()


def worded(key: ValueKey, revision: int, *texts: str, seed: int | None = None) -> ValueChunks:
    vectors = unit_vectors(len(texts), revision if seed is None else seed)
    return ValueChunks(key, revision, vectors, None, terms=tuple(map(passage_terms, texts)))


def every_cosine(chunks: list[ValueChunks], vector: np.ndarray) -> dict[ValueKey, float]:
    return {one.key: float((one.vectors @ vector).max()) for one in chunks}


async def fill(index: Index, scope: Scope, count: int = 60) -> list[ValueChunks]:
    chance = random.Random(3)
    written = [
        worded(key, 1, *(" ".join(chance.choices(WORDS, k=8)) for _ in range(3)), seed=number)
        for number, key in enumerate(value_keys(scope, [f"value {n:03}" for n in range(count)]))
    ]
    await index.put_chunks(written)
    return written


async def test_all_values_by_their_best_passage(index: Index, scope: Scope) -> None:
    written = await fill(index, scope)
    vector = unit_vectors(1, 999)[0]
    cosines = every_cosine(written, vector)

    ranking = await index.nearest_values(Nearest(scope, vector))

    expected = sorted(cosines, key=lambda key: -cosines[key])
    assert [hit.key for hit in ranking.found] == expected
    assert [hit.score for hit in ranking.found] == pytest.approx(
        [cosines[key] for key in expected], abs=TOLERANCE
    )
    assert ranking.floor is None, "all was looked at"


async def test_a_full_page_tells_how_good_the_rest_may_be(index: Index, scope: Scope) -> None:
    written = await fill(index, scope)
    vector = unit_vectors(1, 998)[0]
    passages = sorted(((one.vectors @ vector).max() for one in written), reverse=True)

    ranking = await index.nearest_values(Nearest(scope, vector, limit=20))

    assert ranking.floor is not None
    assert len(ranking.found) <= 20
    best = [hit.score for hit in ranking.found]
    assert best == pytest.approx([float(one) for one in passages[: len(best)]], abs=TOLERANCE)
    assert best[-1] >= ranking.floor
    unseen = set(every_cosine(written, vector)) - {hit.key for hit in ranking.found}
    assert all(every_cosine(written, vector)[key] <= ranking.floor + TOLERANCE for key in unseen), (
        "a value better than the floor was left out"
    )


async def test_a_threshold_bounds_what_is_found(index: Index, scope: Scope) -> None:
    written = await fill(index, scope)
    vector = unit_vectors(1, 997)[0]
    cosines = every_cosine(written, vector)
    threshold = sorted(cosines.values())[-10]

    ranking = await index.nearest_values(Nearest(scope, vector, threshold=threshold, limit=500))

    assert {hit.key for hit in ranking.found} == {
        key for key, cosine in cosines.items() if cosine >= threshold - TOLERANCE
    }
    assert ranking.floor is None


async def test_only_some_values_or_only_passages_with_all_words(index: Index, scope: Scope) -> None:
    a, b, c = value_keys(scope, ["a", "b", "c"])
    await index.put_chunks(
        [
            worded(a, 1, "disk full E4711", "other words", seed=1),
            worded(b, 1, "disk", "full E4711", seed=2),
            worded(c, 1, "E4711: the disk was full again", seed=3),
        ]
    )
    vector = unit_vectors(1, 5)[0]

    some = await index.nearest_values(Nearest(scope, vector, keys=(b, c)))
    literal = await index.nearest_values(
        Nearest(scope, vector, terms=query_terms("the disk is full: e4711"))
    )
    none = await index.nearest_values(Nearest(scope, vector, keys=()))

    assert {hit.key for hit in some.found} == {b, c}
    assert {hit.key for hit in literal.found} == {a, c}
    first = float(unit_vectors(2, 1)[0] @ vector)
    assert {hit.key: hit.score for hit in literal.found}[a] == pytest.approx(first, abs=TOLERANCE)
    assert none.found == ()


async def test_more_keys_than_fit_one_query(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number:04}" for number in range(600)])
    await index.put_chunks([worded(key, 1, "order", seed=7) for key in keys])

    ranking = await index.nearest_values(Nearest(scope, unit_vectors(1, 7)[0], keys=tuple(keys)))
    by_words = await index.wordiest_values(Wordiest(scope, {term("order"): 1.0}, keys=tuple(keys)))

    assert [hit.key for hit in ranking.found] == keys
    assert [hit.key for hit in by_words.found] == keys


async def test_words_weigh_what_they_are_given(index: Index, scope: Scope) -> None:
    a, b, c = value_keys(scope, ["a", "b", "c"])
    await index.put_chunks(
        [worded(a, 1, "refund refund order"), worded(b, 2, "order"), worded(c, 3, "parcel")]
    )
    weights = {term("refund"): 2.0, term("order"): 0.5, term("absent"): 9.0}

    ranking = await index.wordiest_values(Wordiest(scope, weights))

    terms = passage_terms("refund refund order")
    expected = 2.0 * terms[term("refund")] + 0.5 * terms[term("order")]
    assert [hit.key for hit in ranking.found] == [a, b]
    assert ranking.found[0].score == pytest.approx(expected, rel=1e-5)
    assert await index.wordiest_values(Wordiest(scope, {})) == type(ranking)()
    assert (await index.wordiest_values(Wordiest(scope, weights, keys=(b,)))).found[0].key == b


async def test_passages_without_words_are_found_by_meaning_alone(
    index: Index, scope: Scope
) -> None:
    (key,) = value_keys(scope, ["wordless"])
    await index.put_chunks([ValueChunks(key, 1, unit_vectors(2, 1), None)])
    vector = unit_vectors(1, 1)[0]
    assert [hit.key for hit in (await index.nearest_values(Nearest(scope, vector))).found] == [key]
    assert (await index.wordiest_values(Wordiest(scope, {term("order"): 1.0}))).found == ()
    assert await index.count_terms(scope, [term("order")]) == TermCounts(2, {term("order"): 0})


async def test_every_revision_still_present_is_ranked(index: Index, scope: Scope) -> None:
    (key,) = value_keys(scope, ["value"])
    await index.put_chunks([worded(key, 1, "order"), worded(key, 2, "order order")])
    ranking = await index.wordiest_values(Wordiest(scope, {term("order"): 1.0}))
    assert [(hit.key, hit.revision) for hit in ranking.found] == [(key, 2), (key, 1)]


@pytest.mark.promise(6)
async def test_words_are_counted_and_found_in_one_scope_alone(index: Index) -> None:
    tenant = f"tenant-{uuid4().hex}"
    here, sibling, other = (
        Scope(tenant, "project"),
        Scope(tenant, "project2"),
        Scope(f"{tenant}x", "project"),
    )
    for number, scope in enumerate((here, sibling, other)):
        texts = ["order refund"] + ["order"] * number * 5
        await index.put_chunks([worded(ValueKey(scope, "value"), 1, *texts)])
        await index.switch_value_heads({ValueKey(scope, "value"): ValueHead(1, str(scope))})
    terms = query_terms("order refund parcel")

    counts = await index.count_terms(here, terms)
    found = await index.wordiest_values(Wordiest(here, rarity(counts.by_term, counts.passages)))
    near = await index.nearest_values(Nearest(here, unit_vectors(1, 1)[0]))
    page = await index.value_page(here, limit=10)

    assert counts == TermCounts(1, dict(zip(terms, (1, 1, 0), strict=True)))
    for answer in (found, near):
        assert [hit.key.scope for hit in answer.found] == [here]
    assert [key.scope for key in page.heads] == [here]


async def test_what_is_known_of_a_revision_however_large(index: Index, scope: Scope) -> None:
    small, large, gone = value_keys(scope, ["small", "large", "gone"])
    labels = {"Ursprung": "Tür 🚪", "a.b[0]": ""}
    info = ValueInfo("text/plain", labels, 1_700_000_000_123, 5)
    big = ValueInfo(None, {}, 0, 900_000)
    value = Value(b"hello", "text/plain", labels)
    await index.put_chunks(
        [
            ValueChunks(small, 1, unit_vectors(2, 1), value, info),
            ValueChunks(large, 1, unit_vectors(2, 1), None, big),
        ]
    )
    asked = {small: 1, large: 1, gone: 1}
    assert await index.value_infos(asked) == {small: info, large: big}
    assert await index.value_infos({small: 2}) == {}
    assert await index.values(asked) == {small: value}


async def test_pages_list_each_live_value_once(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number:03}" for number in range(25)])
    heads = {key: ValueHead(number, f"hash {number}", tokens=3) for number, key in enumerate(keys)}
    ended = ValueHead(99, "", deleted=True)
    await index.switch_value_heads({**heads, ValueKey(scope, "ended"): ended})
    seen: dict[ValueKey, ValueHead] = {}
    after = None
    pages = 0
    while after is not None or not pages:
        page = await index.value_page(scope, limit=10, after=after)
        assert not seen.keys() & page.heads.keys(), "a value was listed twice"
        seen |= page.heads
        after = page.after
        pages += 1
        assert pages < 10
    assert seen == heads
    assert pages >= 3


async def test_a_page_of_keys_that_begin_alike(index: Index, scope: Scope) -> None:
    names = [f"{folder}/{number}" for folder in ("team", "teams", "Team") for number in range(8)]
    keys = value_keys(scope, names)
    await index.switch_value_heads({key: ValueHead(1, "hash") for key in keys})

    first = await index.value_page(scope, limit=5, prefix="team/")
    second = await index.value_page(scope, limit=5, prefix="team/", after=first.after)

    assert len(first.heads) == 5
    assert second.after is None
    listed = [*first.heads, *second.heads]
    assert sorted(key.data_key for key in listed) == [f"team/{number}" for number in range(8)]
    nothing = await index.value_page(scope, limit=5, prefix="tea%")
    assert (dict(nothing.heads), nothing.after) == ({}, None)


async def test_the_twin_and_the_engine_agree(opened: Opened, scope: Scope) -> None:
    twin = MemoryIndex()
    for index in (twin, opened.index):
        await fill(index, scope)
    terms = query_terms("refund of an order")
    counts = [await index.count_terms(scope, terms) for index in (twin, opened.index)]
    assert counts[0] == counts[1]
    weights = rarity(counts[0].by_term, counts[0].passages)
    for limit in (None, 7, 50):
        mine, theirs = [
            await index.wordiest_values(Wordiest(scope, weights, limit))
            for index in (twin, opened.index)
        ]
        scores = [[hit.score for hit in answer.found] for answer in (mine, theirs)]
        if limit is None:
            assert {hit.key for hit in mine.found} == {hit.key for hit in theirs.found}
            assert scores[0] == pytest.approx(scores[1], rel=1e-5)
        assert (mine.floor is None) == (theirs.floor is None)
