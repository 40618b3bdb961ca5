"""What the producer promises stands in its configuration."""

from contex.log.producing import DELIVERY_TIMEOUT_S, PARTITIONER, RECORD_BYTES_MAX, configuration


def test_configuration_keeps_the_promises() -> None:
    built = configuration("kafka:9092", linger_ms=5)
    assert built["acks"] == "all"
    assert built["enable.idempotence"] is True
    assert built["partitioner"] == PARTITIONER == "murmur2_random"
    assert built["linger.ms"] == 5
    assert built["delivery.timeout.ms"] == DELIVERY_TIMEOUT_S * 1000
    size_bytes = built["message.max.bytes"]
    assert isinstance(size_bytes, int)
    assert size_bytes > RECORD_BYTES_MAX
