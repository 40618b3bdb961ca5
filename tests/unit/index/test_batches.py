"""Work is cut where the limit says, and nothing is lost on the way."""

from hypothesis import given
from hypothesis import strategies as st

from contex.index.batches import by_count, by_size


@given(st.lists(st.integers()), st.integers(1, 7))
def test_by_count_keeps_all_in_order(items: list[int], count_max: int) -> None:
    batches = list(by_count(items, count_max))
    assert [item for batch in batches for item in batch] == items
    assert all(1 <= len(batch) <= count_max for batch in batches)


@given(st.lists(st.integers(0, 30)), st.integers(1, 50))
def test_by_size_keeps_all_in_order_below_the_limit(sizes: list[int], size_max: int) -> None:
    batches = list(by_size(sizes, lambda size: size, size_max))
    assert [size for batch in batches for size in batch] == sizes
    assert all(sum(batch) <= size_max or len(batch) == 1 for batch in batches)


def test_by_size_fills_a_batch_to_the_brim() -> None:
    assert list(by_size([2, 3, 5, 1], lambda size: size, 5)) == [[2, 3], [5], [1]]


def test_a_larger_item_goes_alone() -> None:
    assert list(by_size([1, 9, 1], lambda size: size, 5)) == [[1], [9], [1]]
