"""Which partition a key belongs to: Kafka's own murmur2, as every Java client places it.

Decides placement by key alone, pure. Producing goes through librdkafka's `murmur2_random`, which
must agree with this, as must Faust's partitioner: two answers would break the order per key.
"""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_WORD = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash of `data`, unsigned."""
    size = len(data)
    whole = size & ~3
    result = _SEED ^ size
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little")
        word = word * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        result = (result * _MULTIPLIER & _WORD) ^ word
    if whole < size:
        result ^= int.from_bytes(data[whole:], "little")
        result = result * _MULTIPLIER & _WORD
    result = (result ^ result >> 13) * _MULTIPLIER & _WORD
    return result ^ result >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition of `key` in a topic of `partitions` partitions."""
    return (murmur2(key) & _POSITIVE) % partitions
