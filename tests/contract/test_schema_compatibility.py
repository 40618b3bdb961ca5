"""Every version of every record that was ever written can be read today."""

import io
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import fastavro
import pytest

import schemas
from contex.errors import InvalidRecord
from contex.records.codec import Codec, Record
from contex.records.message import Message, Received
from contex.records.schema_source import PinnedSchemas, Schema
from contex.records.wire import pack, unpack

FOLDER = Path(str(resources.files(schemas)))
EXAMPLES = sorted(FOLDER.glob("examples/*/v*/*.json"))


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER / "examples").with_suffix("").as_posix()


def version_of(example: Path) -> tuple[str, int]:
    return example.parts[-3], int(example.parts[-2].removeprefix("v"))


def datum_of(example: Path) -> dict[str, Any]:
    """Read an example, which is written in Avro's own JSON encoding."""
    record, version = version_of(example)
    schema = Schema.parse(schemas.earlier(record, version))
    with example.open(encoding="utf-8") as file:
        (datum,) = fastavro.json_reader(io.StringIO(json.dumps(json.load(file))), schema.parsed)
    assert isinstance(datum, dict)
    return datum


def newest_version(record: str) -> int:
    return max(entry.version for entry in schemas.pinned() if entry.record == record)


def written_as(example: Path) -> Received:
    """Return the example as a producer of its version left it in a topic, without headers."""
    record, version = version_of(example)
    (schema_id,) = (
        entry.schema_id
        for entry in schemas.pinned()
        if (entry.record, entry.version) == (record, version)
    )
    datum = datum_of(example)
    name = datum["data_key"] if record == "publication" else datum["agent_id"]
    key = f"{datum['tenant']}/{datum['project']}/{name}".encode()
    schema = Schema.parse(schemas.earlier(record, version))
    return Received("topic", 0, 7, 1_000, key, pack(schema_id, schema, datum))


def read(codec: Codec, record: str, received: Received) -> object:
    return getattr(codec, record)(received)


def received_of(message: Message) -> Received:
    return Received("topic", 0, 7, 1_000, message.key, message.value, message.headers)


def without_docs(node: object) -> object:
    if isinstance(node, dict):
        return {name: without_docs(child) for name, child in node.items() if name != "doc"}
    if isinstance(node, list):
        return [without_docs(child) for child in node]
    return node


def undocumented(node: object, path: str = "") -> Iterator[str]:
    """Yield the records, enums and fields below `node` that say nothing about themselves."""
    if isinstance(node, list):
        for child in node:
            yield from undocumented(child, path)
    if isinstance(node, dict):
        here = f"{path}.{node['name']}" if "name" in node else path
        if "name" in node and not str(node.get("doc", "")).strip():
            yield here
        for name in ("type", "items", "values", "fields"):
            yield from undocumented(node.get(name), here)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(PinnedSchemas())


@pytest.mark.parametrize("record", schemas.RECORDS)
def test_every_record_and_field_is_documented(record: str) -> None:
    assert list(undocumented(json.loads(schemas.current(record)))) == []


@pytest.mark.parametrize("record", schemas.RECORDS)
def test_a_changed_schema_is_a_new_version_with_a_new_id(record: str) -> None:
    """Documentation may be edited; anything else needs a history entry and an id of its own."""
    newest = newest_version(record)

    expected = without_docs(json.loads(schemas.earlier(record, newest)))
    got = without_docs(json.loads(schemas.current(record)))

    assert got == expected, (
        f"{record}.avsc differs from version {newest}: add history/{record}/v{newest + 1}.avsc, "
        "its examples, and an id in ids.json"
    )


def test_the_history_and_the_pinned_ids_name_the_same_versions() -> None:
    in_history = {
        (path.parent.name, int(path.stem.removeprefix("v")))
        for path in FOLDER.glob("history/*/*.avsc")
    }
    pinned = schemas.pinned()

    assert {(entry.record, entry.version) for entry in pinned} == in_history
    assert len({(entry.record, entry.version) for entry in pinned}) == len(pinned)
    assert {entry.record for entry in pinned} == set(schemas.RECORDS)


def test_every_version_has_examples() -> None:
    assert {version_of(example) for example in EXAMPLES} == {
        (entry.record, entry.version) for entry in schemas.pinned()
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_fits_its_schema(example: Path) -> None:
    schema = Schema.parse(schemas.earlier(*version_of(example)))

    assert fastavro.validate(datum_of(example), schema.parsed, strict=True)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_of_any_version_is_read_and_written_again(codec: Codec, example: Path) -> None:
    record, version = version_of(example)
    written = written_as(example)

    first = read(codec, record, written)
    assert isinstance(first, Record)
    again = received_of(codec.encode(first))

    assert again.key == written.key
    assert read(codec, record, again) == first
    if version == newest_version(record):
        assert again.value == written.value


class Two:
    """A source of two versions: one as it was, one grown, for whichever id is asked."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._by_id = {1: old, 2: new}

    def id_for(self, subject_topic: str, name: str) -> int:
        del subject_topic, name
        return 2

    def schema(self, schema_id: int) -> Schema:
        return self._by_id[schema_id]


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_a_field_with_a_default_can_be_added(example: Path) -> None:
    """The evolution that replay relies on, both ways round: rolling upgrades meet newer records."""
    text = schemas.earlier(*version_of(example))
    grown = json.loads(text)
    grown["fields"].append({"name": "grown", "type": ["null", "string"], "default": None})
    old, new = Schema.parse(text), Schema.parse(json.dumps(grown))
    source = Two(old, new)
    datum = datum_of(example)

    assert unpack(pack(1, old, datum), new, source) == {**datum, "grown": None}
    assert unpack(pack(2, new, {**datum, "grown": "x"}), old, source) == datum


@pytest.mark.parametrize("record", schemas.RECORDS)
def test_a_record_of_the_essential_fields_alone_can_be_read(record: str) -> None:
    """Any field with a default may be missing from what an older version wrote."""
    text = schemas.current(record)
    bare = json.loads(text)
    bare["fields"] = [field for field in bare["fields"] if "default" not in field]
    assert len(bare["fields"]) < len(json.loads(text)["fields"])
    old, new = Schema.parse(json.dumps(bare)), Schema.parse(text)
    newest = (record, newest_version(record))
    example = next(path for path in EXAMPLES if version_of(path) == newest)
    datum = datum_of(example)
    essential = {field["name"]: datum[field["name"]] for field in bare["fields"]}

    got = unpack(pack(1, old, essential), new, Two(old, new))
    assert {name: got[name] for name in essential} == essential


def test_what_is_no_schema_is_refused() -> None:
    for text in ("", "[", '"string"', '{"type": "record"}', '{"type": "enum", "name": "E"}', "7"):
        with pytest.raises(InvalidRecord):
            Schema.parse(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_a_damaged_example_is_invalid_or_another_record(codec: Codec, example: Path) -> None:
    record, _ = version_of(example)
    written = written_as(example)
    whole = written.value
    assert whole is not None
    for length in range(len(whole)):
        with pytest.raises(InvalidRecord):
            read(codec, record, replace(written, value=whole[:length]))
    dice = random.Random(7)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] = dice.randrange(256)
        with suppress(InvalidRecord):
            read(codec, record, replace(written, value=bytes(damaged)))
