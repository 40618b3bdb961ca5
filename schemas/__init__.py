"""What is said on the wire: one Avro schema per record, every version of it, and their ids.

Decides nothing: it hands out the files of this folder. `<record>.avsc` is what is written today;
`history/<record>/v<n>.avsc` is every version ever written, today's included; `ids.json` pins the
id of each; `subjects.json` names the topic under whose subject a registry holds each record's
versions, wherever else the record travels. Dead letters carry the original's bytes and have no
schema.
"""

import json
from dataclasses import dataclass
from importlib import resources

RECORDS = ("publication", "registration", "update", "attempt")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one record's schema, as it is pinned."""

    schema_id: int
    record: str
    version: int


def current(record: str) -> str:
    """Return the schema that `record` is written with, as Avro's JSON."""
    return _text(f"{record}.avsc")


def earlier(record: str, version: int) -> str:
    """Return a version of `record`'s schema out of the history, as Avro's JSON."""
    return _text(f"history/{record}/v{version}.avsc")


def examples(record: str) -> dict[str, str]:
    """Return records of `record`'s newest version by name, in Avro's encoding as JSON."""
    newest = max(entry.version for entry in pinned() if entry.record == record)
    folder = resources.files(__name__).joinpath(f"examples/{record}/v{newest}")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".json"): file.read_text(encoding="utf-8") for file in files}


def pinned() -> tuple[Version, ...]:
    """Return every pinned version, in the order of the ids."""
    table = json.loads(_text("ids.json"))
    return tuple(
        Version(int(schema_id), entry["record"], entry["version"])
        for schema_id, entry in sorted(table.items(), key=lambda pair: int(pair[0]))
    )


def subject_topics() -> dict[str, str]:
    """Return, for every record, the topic under whose subject a registry holds its schema."""
    topics: dict[str, str] = json.loads(_text("subjects.json"))
    return topics


def _text(path: str) -> str:
    return resources.files(__name__).joinpath(path).read_text(encoding="utf-8")
