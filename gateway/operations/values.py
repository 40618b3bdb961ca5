"""Read one revision of a value, exactly as it was published: what a `reference` points to."""

from dataclasses import dataclass

from contex.errors import CallerError
from contex.log.partitioner import partition_for
from contex.records.names import ValueKey
from contex.records.publication import Publication, Value
from gateway.problems import Refusal, not_found
from gateway.services import Call, Services
from topology.catalogue import PUBLICATIONS


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of one value."""

    key: ValueKey
    revision: int
    value: Value


async def read_revision(
    services: Services, call: Call, project_id: str, data_key: str, revision: int
) -> Revision:
    """Return that very revision.

    Raises:
        CallerError: naming the field.
        Refusal: 404 when no version of this value stands at that revision.
        DependencyAway: if the log does not answer.
    """
    key = ValueKey(call.scope(project_id), data_key)
    encoded = str(key).encode()
    partition = partition_for(encoded, PUBLICATIONS.partitions)
    received = await services.reader.record_at(PUBLICATIONS.name, partition, revision)
    absent = Refusal(not_found(f"{data_key!r} has no revision {revision}, or no longer"))
    if received is None or received.key != encoded:
        raise absent
    try:
        await services.codec.learn(received)
        record = services.codec.publication(received)
    except CallerError as error:
        raise absent from error
    if not isinstance(record, Publication):
        raise absent
    return Revision(key, revision, record.value)
