"""What the client's word on a record is worth: where the record stands, or that nobody knows.

Decides when an acknowledgement counts. Sends nothing.
"""

from confluent_kafka import KafkaError
from confluent_kafka import Message as Delivered

from contex.errors import DependencyAway
from contex.log.failures import failure
from contex.records.message import Receipt


def receipt_or_error(error: KafkaError | None, sent: Delivered) -> Receipt | Exception:
    """Return where a record stands, or what to raise for it.

    An acknowledgement without an offset is none. The idempotent producer gives it to a record that
    was refused for a moment, as by a partition whose leader is not there yet, once a later one of
    the partition was written: it takes the earlier for written too. A broker that knows nothing of
    the producer yet accepts the later one first, so the earlier may stand nowhere. Repeating it is
    right: consumers drop repeats by id.
    """
    what = f"producing to {sent.topic()}"
    if error is not None:
        return failure(error, what)
    offset = sent.offset()
    if offset is None or offset < 0:
        return DependencyAway(f"{what}: acknowledged without an offset, so it may not be written")
    return Receipt(sent.topic(), sent.partition(), offset)
