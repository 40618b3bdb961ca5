"""What a dead letter's value says, as far as it can be told: Avro, JSON, text, or bytes.

Decides what is shown and how much of it. Whatever the bytes are, something is shown.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contex.errors import CallerError
from contex.records.message import Headers
from contex.records.schema_source import SchemaSource
from contex.records.wire import HEADER, MAGIC, unpack

TEXT_CHARACTERS_MAX = 16_384
HEXDUMP_BYTES_MAX = 1_024
HEADER_CHARACTERS_MAX = 2_000
_HEXDUMP_ROW_BYTES = 16


@dataclass(frozen=True, slots=True)
class Payload:
    """A value, told.

    Attributes:
        form: `avro`, `json`, `text`, `bytes`, `none`.
        text: for people, at most `TEXT_CHARACTERS_MAX` characters.
        about: the schema, or why the value could not be read as a record.
    """

    form: str
    text: str
    about: str = ""
    truncated: bool = False


def describe(value: bytes | None, schemas: SchemaSource) -> Payload:
    """Tell what a value says.

    Raises:
        DependencyAway: the registry that knows the schema does not answer.
    """
    if value is None:
        return Payload("none", "")
    why = ""
    if value[:1] == bytes([MAGIC]) and len(value) >= HEADER.size:
        _, schema_id = HEADER.unpack_from(value)
        try:
            schema = schemas.schema(schema_id)
            datum = unpack(value, schema, schemas)
        except CallerError as error:
            why = str(error)
        else:
            text = json.dumps(_printable(datum), ensure_ascii=False, indent=2)
            return _bounded("avro", text, f"{schema.name}, schema id {schema_id}")
    return _plain(value, why)


def header_texts(headers: Headers) -> list[tuple[str, str]]:
    """Return headers as text, in their order."""
    return [(name, _text(value or b"")[:HEADER_CHARACTERS_MAX]) for name, value in headers]


def hexdump(value: bytes) -> str:
    """Return bytes as rows of offset, hexadecimal and ASCII."""
    rows = []
    for start in range(0, len(value), _HEXDUMP_ROW_BYTES):
        row = value[start : start + _HEXDUMP_ROW_BYTES]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - printable ASCII
        rows.append(f"{start:08x}  {row.hex(' '):<47}  {shown}")
    return "\n".join(rows)


def _plain(value: bytes, why: str) -> Payload:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        cut = len(value) > HEXDUMP_BYTES_MAX
        return Payload("bytes", hexdump(value[:HEXDUMP_BYTES_MAX]), why, truncated=cut)
    try:
        pretty = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return _bounded("text", text, why)
    return _bounded("json", pretty, why)


def _bounded(form: str, text: str, about: str) -> Payload:
    cut = len(text) > TEXT_CHARACTERS_MAX
    return Payload(form, text[:TEXT_CHARACTERS_MAX], about, truncated=cut)


def _printable(datum: object) -> Any:  # noqa: ANN401 - whatever JSON may hold
    match datum:
        case bytes():
            return _text(datum)
        case Mapping():
            return {str(name): _printable(value) for name, value in datum.items()}
        case list() | tuple():
            return [_printable(value) for value in datum]
        case _:
            return datum


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
