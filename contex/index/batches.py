"""Cuts work into requests of a bounded size.

Decides where to cut, keeping the order. Never sends anything.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def by_count(items: Sequence[Item], count_max: int) -> Iterator[Sequence[Item]]:
    """Yield slices of at most `count_max` items."""
    for start in range(0, len(items), count_max):
        yield items[start : start + count_max]


def by_size(
    items: Iterable[Item], size_bytes: Callable[[Item], int], size_bytes_max: int
) -> Iterator[list[Item]]:
    """Yield lists whose sizes sum to at most `size_bytes_max`; a larger item goes alone."""
    batch: list[Item] = []
    total = 0
    for item in items:
        size = size_bytes(item)
        if batch and total + size > size_bytes_max:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch
