"""How every producer is configured: acknowledgement, placement and bounds.

Decides the client's configuration, and that it is the same whoever produces. Sends nothing.
"""

PARTITIONER = "murmur2_random"
"""Java's and Faust's placement; librdkafka's default agrees with neither."""
RECORD_BYTES_MAX = 8 * 1024 * 1024
OVERHEAD_BYTES_MAX = 128 * 1024
"""Room for key, headers and Kafka's own framing around the largest value, as a dead letter too."""
DELIVERY_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 10.0
TOPIC_MISSING_TIMEOUT_S = 10.0
"""How long a topic may be unknown before it counts as missing: a broker that has just started."""
RECONNECT_BACKOFF_S_MAX = 1.0
QUEUE_MESSAGES_MAX = 20_000
QUEUE_BYTES_MAX = 64 * 1024 * 1024


def configuration(bootstrap: str, linger_ms: int) -> dict[str, object]:
    """Return the client's configuration; the only place that names a partitioner."""
    return {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "linger.ms": linger_ms,
        "message.max.bytes": RECORD_BYTES_MAX + OVERHEAD_BYTES_MAX,
        "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1000),
        "request.timeout.ms": int(REQUEST_TIMEOUT_S * 1000),
        "topic.metadata.propagation.max.ms": int(TOPIC_MISSING_TIMEOUT_S * 1000),
        "reconnect.backoff.max.ms": int(RECONNECT_BACKOFF_S_MAX * 1000),
        "queue.buffering.max.messages": QUEUE_MESSAGES_MAX,
        "queue.buffering.max.kbytes": QUEUE_BYTES_MAX // 1024,
    }
