"""The AsyncAPI 3.0 document of the topics, made from the catalogue, the stages and the schemas.

Decides how topics become channels and stages operations. Knows no topic by name, says nothing that
is not decided elsewhere.
"""

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

import schemas
from contex.records.names import DATA_KEY_BYTES_MAX, NAME_PATTERN
from topology.asyncapi_messages import DEAD_LETTER_HEADERS, EVENT_HEADERS, TOMBSTONE_HEADERS
from topology.catalogue import TOPICS, Cleanup, Key, Topic
from topology.stages import STAGES, Stage

ASYNCAPI: Final = "3.0.0"
AVRO_FORMAT: Final = "application/vnd.apache.avro;version=1.9.0"
KAFKA_BINDING: Final = "0.5.0"
DISTRIBUTION: Final = "contex-stream"
DEAD_LETTER: Final = "dead-letter"

_DESCRIPTION: Final = (
    "Everything Contex knows is in these topics. A record is Confluent's wire format: a zero byte,"
    " the id of its schema in four bytes (big endian), then Avro in binary. A record without a"
    " value ends what its key names. Operations are named after the process that does them."
)
_NAME: Final = NAME_PATTERN.pattern
_KEYS: Final[dict[Key, dict[str, Any]]] = {
    Key.VALUE: {
        "type": "string",
        "pattern": rf"^{_NAME}/{_NAME}/.+$",
        "description": f"{Key.VALUE}, the data key at most {DATA_KEY_BYTES_MAX} bytes of UTF-8",
    },
    Key.AGENT: {
        "type": "string",
        "pattern": rf"^{_NAME}/{_NAME}/{_NAME}$",
        "description": Key.AGENT.value,
    },
    Key.ORIGINAL: {"type": "string", "description": Key.ORIGINAL.value},
}


def document(topics: Iterable[Topic] = TOPICS, stages: Iterable[Stage] = STAGES) -> dict[str, Any]:
    """Return the document of `topics` and of what `stages` do with them."""
    rows = tuple(topics)
    messages: dict[str, Any] = {}
    for topic in rows:
        messages.update(_messages(topic))
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Contex",
            "version": version(DISTRIBUTION),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/avro",
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The broker of `contex dev`.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in rows},
        "operations": dict(_operations(stages)),
        "components": {"messages": dict(sorted(messages.items()))},
    }


def render(described: dict[str, Any]) -> str:
    """Return the document as a file has it."""
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _channel(topic: Topic) -> dict[str, Any]:
    said: dict[str, Any] = {
        "address": topic.name,
        "description": topic.doc,
        "messages": {name: _ref("components", "messages", name) for name in _messages(topic)},
        "tags": [{"name": topic.owner, "description": "The stage that answers for it."}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    name: _setting(name, text) for name, text in sorted(topic.config.items())
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }
    if topic.delay_s is not None:
        said["x-delay-s"] = topic.delay_s
    return said


def _setting(name: str, text: str) -> object:
    if name == "cleanup.policy":
        return [text]
    return int(text) if text.lstrip("-").isdecimal() else text


def _messages(topic: Topic) -> dict[str, Any]:
    """Return the messages of one topic by name; topics that share a record share its message."""
    if topic.schema is None:
        return {DEAD_LETTER: _dead_letter(topic)}
    found = {topic.schema: _record(topic, topic.schema)}
    if topic.cleanup is Cleanup.COMPACT:
        found[f"{topic.schema}-ended"] = _tombstone(topic, topic.schema)
    return found


def _record(topic: Topic, record: str) -> dict[str, Any]:
    schema = json.loads(schemas.current(record))
    return {
        "name": record,
        "title": schema["name"],
        "summary": schema["doc"],
        "contentType": "application/avro",
        "headers": EVENT_HEADERS,
        "payload": {"schemaFormat": AVRO_FORMAT, "schema": schema},
        "bindings": _kafka(topic, "confluent"),
        "examples": [
            {"name": name, "payload": json.loads(text)}
            for name, text in schemas.examples(record).items()
        ],
    }


def _tombstone(topic: Topic, record: str) -> dict[str, Any]:
    return {
        "name": f"{record}-ended",
        "title": "A tombstone",
        "summary": f"A record without a value: the end of what its key names. {topic.doc}",
        "headers": TOMBSTONE_HEADERS,
        "payload": {"type": "null"},
        "bindings": _kafka(topic),
    }


def _dead_letter(topic: Topic) -> dict[str, Any]:
    return {
        "name": DEAD_LETTER,
        "title": "A dead letter",
        "summary": "The original's key and value byte for byte; headers say where it failed, why.",
        "contentType": "application/octet-stream",
        "headers": DEAD_LETTER_HEADERS,
        "payload": {"description": "The original's bytes, whatever they are."},
        "bindings": _kafka(topic),
    }


def _kafka(topic: Topic, encoding: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"key": _KEYS[topic.key], "bindingVersion": KAFKA_BINDING}
    if encoding is not None:
        said |= {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": encoding}
    return {"kafka": said}


def _operations(stages: Iterable[Stage]) -> Iterable[tuple[str, dict[str, Any]]]:
    for stage in stages:
        for topic in stage.reads:
            yield f"{stage.name}.receive.{topic.name}", _operation(stage, topic, "receive")
        given_up = () if stage.dead_letter is None else (stage.dead_letter,)
        for topic in (*stage.writes, *given_up):
            yield f"{stage.name}.send.{topic.name}", _operation(stage, topic, "send")


def _operation(stage: Stage, topic: Topic, action: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "action": action,
        "channel": _ref("channels", topic.name),
        "summary": stage.doc,
        "tags": [{"name": stage.name}],
        "messages": [_ref("channels", topic.name, "messages", name) for name in _messages(topic)],
    }
    if action == "receive" and stage.group is not None:
        group = {"type": "string", "pattern": f"^{stage.group}"}
        said["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
    return said


def _ref(*steps: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(steps)}
