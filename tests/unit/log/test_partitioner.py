"""Placement agrees with Java's published hashes and with the function that Faust calls."""

import random

import pytest
from faust.transport.drivers.aiokafka import DefaultPartitioner

from contex.log.partitioner import murmur2, partition_for

# The values that Kafka's own client is tested with, as Java's signed integers.
PUBLISHED = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "signed"), PUBLISHED)
def test_hash_is_kafkas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


def test_partition_of_a_negative_hash_drops_the_sign() -> None:
    assert partition_for(b"21", 12) == (-973932308 & 0x7FFFFFFF) % 12


def test_placement_is_fausts() -> None:
    generator = random.Random(7)
    partitions = list(range(12))
    keys = [generator.randbytes(generator.randrange(1, 600)) for _ in range(500)]
    ours = [partition_for(key, len(partitions)) for key in keys]
    theirs = [DefaultPartitioner()(key, partitions, partitions) for key in keys]
    assert ours == theirs
    assert set(ours) == set(partitions)
