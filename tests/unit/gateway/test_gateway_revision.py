"""One revision of a value, read from the log in memory."""

from dataclasses import replace

from asked_schemas import AskedSchemas
from memory_log import CODEC, NOW_MS, MemoryLog, services

from contex.records.codec import Codec
from contex.records.names import Scope, ValueKey
from contex.records.publication import Publication, Value
from gateway.operations.values import read_revision
from gateway.services import Call
from topology.catalogue import PUBLICATIONS


async def test_a_revision_does_not_hold_the_loop_while_its_schema_is_asked_for() -> None:
    log = MemoryLog()
    value = Value(b"{}", "application/json")
    publication = Publication(ValueKey(Scope("t", "p"), "k"), value, "e", NOW_MS)
    revision = log.append(PUBLICATIONS.name, CODEC.encode(publication)).offset
    reading = replace(services(log), codec=Codec(AskedSchemas()))

    found = await read_revision(reading, Call("t"), "p", "k", revision)

    assert found.value == value
