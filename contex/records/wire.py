"""The wire format: one zero byte, the schema's id in four, then Avro.

Decides what is a well-formed record and what is not, whatever the bytes; knows no particular
record. It is Confluent's format, so any Kafka tool can read the topics.
"""

import io
import struct
from typing import Any

import fastavro

from contex.errors import InvalidRecord
from contex.records.schema_source import Schema, SchemaSource

Datum = dict[str, Any]

MAGIC = 0
HEADER = struct.Struct(">bI")

_WRITE_ERRORS = (ValueError, OverflowError)
_READ_ERRORS = (
    EOFError,  # truncated, or a length beyond the end
    LookupError,  # a branch or a symbol that does not exist
    ValueError,  # text that is not UTF-8
    TypeError,
    OverflowError,
    fastavro.read.SchemaResolutionError,
)


def pack(schema_id: int, schema: Schema, datum: Datum) -> bytes:
    """Write `datum`.

    Raises:
        InvalidRecord: if it does not fit the schema.
    """
    buffer = io.BytesIO()
    try:
        buffer.write(HEADER.pack(MAGIC, schema_id))
        fastavro.schemaless_writer(buffer, schema.parsed, datum)
    except _WRITE_ERRORS as error:
        raise InvalidRecord(f"does not fit {schema.name}: {error}", field="value") from error
    return buffer.getvalue()


def written_with(value: bytes) -> int:
    """Return the id of the schema that a record was written with.

    Raises:
        InvalidRecord: naming what is wrong with the header.
    """
    if len(value) < HEADER.size:
        raise _wrong(f"{len(value)} bytes are too few for a header of {HEADER.size}")
    magic, schema_id = HEADER.unpack_from(value)
    if magic != MAGIC:
        raise _wrong(f"starts with byte {value[0]}, expected {MAGIC}")
    return int(schema_id)


def unpack(value: bytes, reader: Schema, source: SchemaSource) -> Datum:
    """Read a record as `reader` sees it, whatever version it was written with.

    Raises:
        InvalidRecord: naming what is wrong with the bytes.
        DependencyAway: if the registry that knows the id does not answer.
    """
    schema_id = written_with(value)
    writer = source.schema(schema_id)
    if writer.name != reader.name:
        raise _wrong(f"is a {writer.name}, expected a {reader.name}")
    body = io.BytesIO(value)
    body.seek(HEADER.size)
    try:
        datum: Datum = fastavro.schemaless_reader(body, writer.parsed, reader.parsed)
    except _READ_ERRORS as error:
        what = f"{type(error).__name__}: {error}"
        raise _wrong(f"is no {writer.name} of schema {schema_id} ({what})") from error
    rest = len(value) - body.tell()
    if rest:
        raise _wrong(f"has {rest} bytes after the end of the {writer.name}")
    return datum


def _wrong(what: str) -> InvalidRecord:
    return InvalidRecord(f"value {what}", field="value")
