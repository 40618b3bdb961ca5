"""What every index does with the chunks of values, and how values are found."""

import random
from dataclasses import replace

import numpy as np
import pytest
from index_engines import (
    Opened,
    chunks,
    fresh_scope,
    unit_vectors,
    value_keys,
)

from contex.index.port import Index
from contex.index.types import (
    ValueInfo,
    ValueSearch,
)
from contex.records.names import Scope, ValueKey
from contex.records.publication import INLINE_BYTES_MAX, Value
from contex.records.registration import Need

TOLERANCE = 1e-5


@pytest.fixture
def index(opened: Opened) -> Index:
    return opened.index


@pytest.fixture
def scope() -> Scope:
    return fresh_scope()


@pytest.fixture
def key(scope: Scope) -> ValueKey:
    return ValueKey(scope, "value")


async def test_older_chunks_are_found_in_order_and_deleted(index: Index, scope: Scope) -> None:
    several, single, newest, absent = value_keys(scope, ["several", "single", "newest", "none"])
    await index.put_chunks(
        [chunks(several, 2, 3), chunks(several, 1, 2), chunks(several, 3), chunks(single, 1)]
    )
    await index.put_chunks([chunks(newest, 3)])
    asked = dict.fromkeys((several, single, newest, absent), 3)
    older = await index.older_chunks(asked)
    assert set(older) == {several, single}
    assert [(one.revision, one.metadata) for one in older[several]] == [(1, {}), (2, {})]
    for one, count in zip(older[several], (2, 3), strict=True):
        np.testing.assert_allclose(one.vectors, unit_vectors(count, one.revision), atol=1e-6)
        assert one.vectors.dtype == np.float32
    await index.delete_older_chunks(asked)
    assert await index.older_chunks(asked) == {}
    left = await index.older_chunks(dict.fromkeys(asked, 4))
    assert {one.data_key: [of.revision for of in found] for one, found in left.items()} == {
        "several": [3],
        "newest": [3],
    }


async def test_metadata_is_kept_of_every_revision_however_large_the_value(
    index: Index, scope: Scope
) -> None:
    large, small = value_keys(scope, ["large", "small"])
    labels = {"env": "prod", "Ursprung": "Tür 🚪", "empty": ""}
    for revision in (1, 2):
        info = ValueInfo("text/plain", {**labels, "revision": str(revision)}, 7, 10**6)
        await index.put_chunks([replace(chunks(large, revision, 5), info=info)])
    await index.put_chunks([replace(chunks(small, 1, 2, Value(b"x")), info=ValueInfo())])

    older = await index.older_chunks({large: 3, small: 3})
    infos = await index.value_infos({large: 2, small: 1})

    assert [dict(one.metadata) for one in older[large]] == [
        {**labels, "revision": "1"},
        {**labels, "revision": "2"},
    ]
    assert [dict(one.metadata) for one in older[small]] == [{}]
    assert infos[large] == ValueInfo("text/plain", {**labels, "revision": "2"}, 7, 10**6)
    assert await index.values({large: 2}) == {}


async def test_older_chunks_of_more_keys_than_fit_one_filter(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number}" for number in range(150)])
    await index.put_chunks([chunks(one, 1) for one in keys])
    asked = dict.fromkeys(keys, 2)
    assert set(await index.older_chunks(asked)) == set(keys)
    await index.delete_older_chunks(asked)
    assert await index.older_chunks(asked) == {}


async def test_a_value_of_the_most_chunks(index: Index, key: ValueKey) -> None:
    await index.put_chunks([chunks(key, 1, 2_048, Value(bytes(INLINE_BYTES_MAX)))])
    older = await index.older_chunks({key: 2})
    np.testing.assert_allclose(older[key][0].vectors, unit_vectors(2_048, 1), atol=1e-6)
    hits = await index.matching_values(
        ValueSearch(key.scope, (Need("any", -1.0),), unit_vectors(1, 5))
    )
    best = float((unit_vectors(2_048, 1) @ unit_vectors(1, 5)[0]).max())
    assert [(hit.key, hit.revision) for hit in hits] == [(key, 1)]
    assert hits[0].scores[0] == pytest.approx(best, abs=TOLERANCE)


async def test_chunks_written_twice_are_there_once(index: Index, key: ValueKey) -> None:
    for _ in range(2):
        await index.put_chunks([chunks(key, 1, 3)])
    (older,) = (await index.older_chunks({key: 2}))[key]
    assert len(older.vectors) == 3


async def test_values_are_kept_whole(index: Index, scope: Scope) -> None:
    kept = {
        "large": Value(random.Random(1).randbytes(INLINE_BYTES_MAX), "application/octet-stream"),
        "text": Value("Grüße, 世界 \x00".encode(), None, {"Ursprung": "Tür 🚪", "empty": ""}),
        "empty": Value(b"", ""),
    }
    written = [chunks(ValueKey(scope, name), 7, 2, value) for name, value in kept.items()]
    await index.put_chunks(written)
    asked = {one.key: 7 for one in written}
    assert await index.values(asked) == {one.key: one.value for one in written}


async def test_values_that_are_not_there_are_left_out(index: Index, scope: Scope) -> None:
    here, large, gone, other = value_keys(scope, ["here", "large", "gone", "other"])
    value = Value(b"content")
    await index.put_chunks(
        [
            chunks(here, 1, value=value),
            chunks(large, 1),
            chunks(gone, 1, value=value),
            chunks(other, 1, value=value),
        ]
    )
    await index.delete_older_chunks({gone: 2})
    assert await index.values({here: 1, large: 1, gone: 1, other: 2}) == {here: value}
    assert await index.values({}) == {}


async def test_more_values_than_fit_one_request_either_way(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number}" for number in range(230)])
    written = [chunks(one, 1, value=Value(one.data_key.encode() * 2_000)) for one in keys]
    await index.put_chunks(written)
    assert await index.values(dict.fromkeys(keys, 1)) == {one.key: one.value for one in written}


async def test_all_values_and_revisions_that_meet_any_need(index: Index, scope: Scope) -> None:
    keys = value_keys(scope, [f"value {number:03}" for number in range(260)])
    await index.put_chunks([chunks(one, 1, 2, Value(b"content")) for one in keys])
    await index.put_chunks([chunks(keys[0], 2)])
    needs = (Need("any", -1.0), Need("revision 2", 0.99), Need("nothing", 1.5))
    vectors = np.concatenate([unit_vectors(1, 9), unit_vectors(1, 2), unit_vectors(1, 9)])
    hits = await index.matching_values(ValueSearch(scope, needs, vectors))
    assert [(hit.key, hit.revision) for hit in hits] == [
        (keys[0], 1),
        (keys[0], 2),
        *((one, 1) for one in keys[1:]),
    ]
    best = float((unit_vectors(2, 1) @ unit_vectors(1, 9)[0]).max())
    assert set(hits[0].scores) == {0}
    assert hits[0].scores[0] == pytest.approx(best, abs=TOLERANCE)
    assert hits[1].scores[1] == pytest.approx(1.0, abs=TOLERANCE)
