"""The description of the topics is AsyncAPI 3, is what is committed, and says what is so.

No package carries AsyncAPI's schema, so its rules are written down here: required members, legal
names, references that resolve, and what version 0.5.0 of the Kafka binding asks for.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import jsonschema_rs
import pytest
from click.testing import CliRunner

import schemas
from contex.records.codec import Codec
from contex.records.dead_letter import dead_letter, without_value
from contex.records.message import Headers, Received
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Deletion, Publication, Value
from contex.records.registration import Registration, StreamDelivery, Unregistration
from contex.records.schema_source import PinnedSchemas, Schema
from topology.asyncapi import document, render
from topology.catalogue import TOPICS, Topic
from topology.commands.topics import topics
from topology.stages import STAGES, Stage

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "docs" / "asyncapi.json"
DOCUMENT = document()
MESSAGES = DOCUMENT["components"]["messages"]

SCOPE = Scope("t", "p")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_ID = re.compile(r"[A-Za-z0-9._-]+")
_REQUIRED = {
    "document": {"asyncapi", "info"},
    "info": {"title", "version"},
    "server": {"host", "protocol"},
    "channel": {"address", "messages"},
    "operation": {"action", "channel"},
    "message": {"payload"},
}


def references(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        if isinstance(said.get("$ref"), str):
            yield said["$ref"]
        for each in said.values():
            yield from references(each)
    elif isinstance(said, list):
        for each in said:
            yield from references(each)


def resolved(reference: str) -> Any:
    said: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        said = said[step]
    return resolved(said["$ref"]) if "$ref" in said else said


def by_name(one: Topic | Stage) -> str:
    return one.name


def headers_of(message: str) -> Any:
    return jsonschema_rs.Draft202012Validator(MESSAGES[message]["headers"])


def as_text(headers: Headers) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in headers}


def test_required_members_are_there() -> None:
    parts = {
        "document": [DOCUMENT],
        "info": [DOCUMENT["info"]],
        "server": DOCUMENT["servers"].values(),
        "channel": DOCUMENT["channels"].values(),
        "operation": DOCUMENT["operations"].values(),
        "message": MESSAGES.values(),
    }
    for kind, found in parts.items():
        for one in found:
            assert _REQUIRED[kind] <= set(one), f"{kind} lacks {_REQUIRED[kind] - set(one)}: {one}"
    assert DOCUMENT["asyncapi"] == "3.0.0"


def test_names_are_legal_and_references_resolve() -> None:
    for section in (DOCUMENT["channels"], DOCUMENT["operations"], MESSAGES, DOCUMENT["servers"]):
        for name in section:
            assert _ID.fullmatch(name), name
    found = list(references(DOCUMENT))
    assert found
    for reference in found:
        assert resolved(reference), reference


def test_an_operation_sends_or_receives_messages_of_its_channel() -> None:
    for name, operation in DOCUMENT["operations"].items():
        assert operation["action"] in {"send", "receive"}, name
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/"), name


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_a_channel_is_its_topic(topic: Topic) -> None:
    channel = DOCUMENT["channels"][topic.name]
    binding = channel["bindings"]["kafka"]
    assert (channel["address"], binding["topic"]) == (topic.name, topic.name)
    assert (binding["partitions"], binding["bindingVersion"]) == (topic.partitions, "0.5.0")
    configuration = binding["topicConfiguration"]
    assert configuration["cleanup.policy"] == [topic.cleanup]
    assert {
        name: str(told) for name, told in configuration.items() if name != "cleanup.policy"
    } == {name: told for name, told in topic.config.items() if name != "cleanup.policy"}
    for name in ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes"):
        assert isinstance(configuration.get(name, 0), int), name


@pytest.mark.parametrize("stage", STAGES, ids=by_name)
def test_a_stage_does_what_its_operations_say_and_no_more(stage: Stage) -> None:
    given_up = () if stage.dead_letter is None else (stage.dead_letter,)
    expected = {("receive", topic.name) for topic in stage.reads}
    expected |= {("send", topic.name) for topic in (*stage.writes, *given_up)}
    operations = [
        operation
        for name, operation in DOCUMENT["operations"].items()
        if name.startswith(f"{stage.name}.")
    ]
    assert {
        (operation["action"], operation["channel"]["$ref"].removeprefix("#/channels/"))
        for operation in operations
    } == expected


@pytest.mark.parametrize("record", schemas.RECORDS)
def test_a_message_has_its_schema_and_examples_that_fit_it(record: str) -> None:
    message = MESSAGES[record]
    assert message["payload"]["schema"] == json.loads(schemas.current(record))
    assert message["payload"]["schemaFormat"].startswith("application/vnd.apache.avro")
    assert message["bindings"]["kafka"]["schemaIdPayloadEncoding"] == "confluent"
    schema = Schema.parse(json.dumps(message["payload"]["schema"]))
    assert message["examples"], f"{record} has no example"
    for example in message["examples"]:
        text = json.dumps(example["payload"])
        (datum,) = fastavro.json_reader(iter([text]), schema.parsed)
        assert fastavro.validate(datum, schema.parsed, strict=True)


@pytest.mark.parametrize(
    ("message", "record"),
    [
        ("publication", Publication(ValueKey(SCOPE, "k"), Value(b"{}", None), "e", 1)),
        ("publication-ended", Deletion(ValueKey(SCOPE, "k"), "e", 1)),
        ("registration", Registration(AgentKey(SCOPE, "a"), (), StreamDelivery(), "e", 1)),
        ("registration-ended", Unregistration(AgentKey(SCOPE, "a"), "e", 1)),
    ],
)
def test_what_is_written_has_the_key_and_headers_that_are_described(
    message: str, record: Publication | Deletion | Registration | Unregistration
) -> None:
    written = Codec(PinnedSchemas()).encode(record, traceparent=TRACE)
    said = as_text(written.headers)
    headers_of(message).validate(said)
    assert set(said) == set(MESSAGES[message]["headers"]["properties"])
    key = MESSAGES[message]["bindings"]["kafka"]["key"]
    jsonschema_rs.Draft202012Validator(key).validate((written.key or b"").decode())


def test_a_dead_letter_has_the_headers_that_are_described() -> None:
    received = Received("contex.publications", 3, 7, 1, None, b"x", ())
    letter = dead_letter(received, stage="routing", error=ValueError("no"), at_ms=1)
    described = MESSAGES["dead-letter"]["headers"]
    assert set(described["required"]) < set(as_text(letter.headers))
    headers_of("dead-letter").validate(as_text(letter.headers))
    assert set(as_text(without_value(letter).headers)) == set(described["properties"])


def test_the_committed_document_is_this_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == render(DOCUMENT), (
        "docs/asyncapi.json is out of date; run: contex topics asyncapi --output docs/asyncapi.json"
    )


def test_the_command_prints_writes_and_checks(tmp_path: Path) -> None:
    run, path = CliRunner().invoke, tmp_path / "asyncapi.json"
    assert json.loads(run(topics, ["asyncapi"]).output) == DOCUMENT
    asked = ["asyncapi", "--check", "--output", str(path)]
    absent = run(topics, asked)
    assert (absent.exit_code, "is not there" in absent.stderr) == (1, True)
    assert run(topics, ["asyncapi", "--output", str(path)]).exit_code == 0
    assert run(topics, asked).exit_code == 0
    path.write_text(path.read_text().replace("3.0.0", "3.0.1"))
    assert run(topics, asked).exit_code == 1
