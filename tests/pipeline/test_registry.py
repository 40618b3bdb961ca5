"""Schemas by way of a real registry: same bytes but for the id, through restart and absence."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import schemas
from contex.errors import DependencyAway, InvalidRecord
from contex.local.registry import Registry
from contex.log.registry import COMPATIBILITY, RegistrySchemas, SchemaRefused, schema_source
from contex.records.codec import Codec
from contex.records.message import Message, Received
from contex.records.names import Scope, ValueKey
from contex.records.publication import Publication, Value
from contex.records.schema_source import PinnedSchemas
from contex.settings import Settings

TOPIC = "contex.publications"
ANSWER_S_MAX = 30.0


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.start()
    yield registry
    registry.kill()


@pytest.fixture
def url(registry: Registry) -> str:
    return registry.url


@pytest.fixture
def publication() -> Publication:
    key = ValueKey(Scope("acme", "p"), "weather/today")
    return Publication(key, Value(b'{"sky": "clear"}', "application/json"), "e1", 1_700_000_000_000)


def ask(url: str, path: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    asked = Request(url + path, data, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=ANSWER_S_MAX) as answer:
        return json.load(answer)


def as_received(message: Message) -> Received:
    return Received(TOPIC, 0, 0, 0, message.key, message.value, message.headers)


def occupy_the_first_ids(url: str) -> None:
    for _ in range(7):
        name = f"n{uuid.uuid4().hex}"
        ask(
            url,
            f"/subjects/{name}/versions",
            {"schema": f'{{"type":"enum","name":"{name}","symbols":["A"]}}'},
        )


def test_records_differ_from_pinned_ones_by_the_id_alone(
    url: str, publication: Publication
) -> None:
    occupy_the_first_ids(url)
    source = schema_source(Settings(schema_registry_url=url))
    pinned = Codec(PinnedSchemas()).encode(publication)
    registered = Codec(source).encode(publication)
    assert pinned.value is not None
    assert registered.value is not None
    assert registered.value[5:] == pinned.value[5:]
    assert registered.value[0] == pinned.value[0] == 0
    schema_id = int.from_bytes(registered.value[1:5], "big")
    assert schema_id == source.id_for(TOPIC, "publication") != int.from_bytes(pinned.value[1:5])
    assert (registered.key, registered.headers) == (pinned.key, pinned.headers)


def test_every_record_is_registered_under_its_topic_with_our_compatibility(url: str) -> None:
    source = schema_source(Settings(schema_registry_url=url))
    for name, topic in schemas.subject_topics().items():
        found = ask(url, f"/subjects/{topic}-value/versions/latest")
        assert isinstance(found, dict)
        assert found["id"] == source.id_for(topic, name)
        assert json.loads(found["schema"]) == json.loads(schemas.current(name))
        assert ask(url, f"/config/{topic}-value") == {"compatibilityLevel": COMPATIBILITY}


def test_a_process_that_registered_nothing_reads_by_id(url: str, publication: Publication) -> None:
    sent = Codec(schema_source(Settings(schema_registry_url=url))).encode(publication)
    read = Codec(RegistrySchemas(url)).publication(as_received(sent))
    assert read == publication


def test_an_unknown_id_is_an_invalid_record(url: str) -> None:
    with pytest.raises(InvalidRecord, match="unknown schema id 987654"):
        RegistrySchemas(url).schema(987654)


def test_a_schema_that_breaks_readers_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schema_source(Settings(schema_registry_url=url))
    broken = json.loads(schemas.current("publication"))
    broken["fields"].append({"name": "demanded", "type": "string"})
    monkeypatch.setattr(schemas, "current", lambda _: json.dumps(broken))
    with pytest.raises(SchemaRefused, match=f"{TOPIC}-value"):
        RegistrySchemas(url).id_for(TOPIC, "publication")


def test_a_restart_keeps_the_ids_and_absence_is_felt_only_by_what_is_new(
    tmp_path: Path, publication: Publication
) -> None:
    own = Registry(tmp_path)
    own.start()
    settings = Settings(schema_registry_url=own.url)
    source = schema_source(settings)
    before = Codec(source).encode(publication)
    own.kill()
    assert Codec(source).encode(publication) == before
    assert Codec(source).publication(as_received(before)) == publication
    with pytest.raises(DependencyAway):
        source.schema(424242)
    with pytest.raises(DependencyAway):
        schema_source(settings)
    own.start()
    assert Codec(schema_source(settings)).encode(publication) == before
    own.stop()


def test_without_a_registry_the_ids_are_the_pinned_ones() -> None:
    assert isinstance(schema_source(Settings(schema_registry_url=None)), PinnedSchemas)
