"""A folder of collections: whole or not there, one process, no write on a full disk."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import qdrant_edge as edge

from contex.local.engine.errors import Refusal
from contex.local.engine.store import Store
from contex.local.errors import FolderInUse

CONFIG = edge.EdgeConfig(
    vectors=edge.EdgeVectorParams(size=2, distance=edge.Distance.Dot), wal_enabled=True
)
HUGE = 2**60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_collections_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.create("values", CONFIG)
    point = edge.Point(id=1, vector=[1.0, 2.0], payload={"a": 1})
    first.writing("values").update(edge.UpdateOperation.upsert_points([point]))
    first.close()
    second = Store(tmp_path)
    assert second.names() == ["values"]
    assert second.reading("values").info().points_count == 1
    second.close()


def test_a_folder_is_opened_once(store: Store, tmp_path: Path) -> None:
    assert store.names() == []
    with pytest.raises(FolderInUse, match="in use by another process"):
        Store(tmp_path)


def test_a_collection_that_was_half_made_is_not_there(tmp_path: Path) -> None:
    half = tmp_path / "unfinished"
    half.mkdir()
    (half / "edge_config.json").write_text("{")
    store = Store(tmp_path)
    assert store.names() == []
    store.create("values", CONFIG)
    assert store.names() == ["values"]
    store.close()


def test_a_collection_is_created_once(store: Store) -> None:
    store.create("values", CONFIG)
    with pytest.raises(Refusal, match="already exists") as refusal:
        store.create("values", CONFIG)
    assert refusal.value.status == grpc.StatusCode.ALREADY_EXISTS


def test_a_collection_can_be_dropped_and_made_again(store: Store) -> None:
    store.create("values", CONFIG)
    assert store.drop("values")
    assert not store.drop("values")
    with pytest.raises(Refusal, match="doesn't exist") as refusal:
        store.reading("values")
    assert refusal.value.status == grpc.StatusCode.NOT_FOUND
    store.create("values", CONFIG)


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\x00b", "x" * 201])
def test_a_name_cannot_leave_the_folder(store: Store, name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        store.create(name, CONFIG)
    assert refusal.value.status == grpc.StatusCode.INVALID_ARGUMENT


def test_a_full_disk_refuses_writes_and_answers_reads(tmp_path: Path) -> None:
    roomy = Store(tmp_path)
    roomy.create("values", CONFIG)
    roomy.close()
    full = Store(tmp_path, free_bytes_min=HUGE)
    assert full.reading("values").info().points_count == 0
    for attempt in (lambda: full.writing("values"), lambda: full.create("needs", CONFIG)):
        with pytest.raises(Refusal, match="disk of the index folder is full") as refusal:
            attempt()
        assert refusal.value.status == grpc.StatusCode.RESOURCE_EXHAUSTED
    full.close()
