"""Cuts texts into batches that waste little padding.

Decides which texts are computed together: sorted by length, cut by padded tokens. Pure; never
tokenises and never computes a vector.
"""

from collections.abc import Sequence

PADDED_TOKENS_MAX = 2_048
"""Rows times the longest row of one batch. Larger batches gain nothing and cost memory."""


def cut(lengths: Sequence[int], padded_tokens_max: int = PADDED_TOKENS_MAX) -> list[list[int]]:
    """Return batches of positions in `lengths`; every position stands in exactly one batch.

    A batch's size times its longest length is at most `padded_tokens_max`; a text longer than
    that stands alone. Batches go from the longest texts to the shortest, so that the largest
    buffers are asked for first.
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        if batch and (len(batch) + 1) * longest > padded_tokens_max:
            batches.append(batch)
            batch = []
        if not batch:
            longest = max(lengths[position], 1)
        batch.append(position)
    if batch:
        batches.append(batch)
    return batches
