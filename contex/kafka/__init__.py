"""Contex for programs that use Kafka directly: write well-formed records, read agents' feeds.

    from contex.kafka import Consumer, Producer

The same records, keys, headers and partitions as the product's own, and the same rule of updates as
the client's. Needs a Kafka client and Avro: `pip install "contex-stream[kafka]"`.
"""

try:
    from contex.kafka.consumer import Consumer
    from contex.kafka.producer import Producer
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in {"confluent_kafka", "fastavro"}:
        raise
    raise ImportError(
        f"contex.kafka needs {error.name}, which is not installed."
        ' Run: pip install "contex-stream[kafka]"'
    ) from error

from contex.records.message import Receipt
from contex.records.publication import Value
from contex.records.registration import Exclusion, Need
from contex.records.update import Item, Update

__all__ = ["Consumer", "Exclusion", "Item", "Need", "Producer", "Receipt", "Update", "Value"]
