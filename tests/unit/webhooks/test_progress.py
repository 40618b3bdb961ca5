import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.webhooks.progress import Progress

offsets_in_any_order = st.lists(st.integers(0, 200), unique=True, min_size=1, max_size=60).flatmap(
    lambda offsets: st.tuples(st.just(sorted(offsets)), st.permutations(offsets))
)


@given(offsets_in_any_order, st.integers(0, 60))
def test_the_commit_is_always_the_contiguous_prefix(
    orders: tuple[list[int], list[int]], taken_first: int
) -> None:
    """Whatever the order of finishing, with gaps in the offsets and takes in between."""
    taken, finished = orders
    progress = Progress()
    waiting = list(taken)
    done: set[int] = set()
    for offset in waiting[:taken_first]:
        progress.take(offset)
    del waiting[:taken_first]

    for offset in finished:
        while offset in waiting:
            progress.take(waiting.pop(0))
        progress.finish(offset)
        done.add(offset)
        prefix = [o for o in taken if all(p in done for p in taken if p <= o)]
        assert progress.commit == (prefix[-1] + 1 if prefix else None)

    assert progress.commit == taken[-1] + 1
    assert progress.unfinished == 0


def test_nothing_is_committed_before_the_first_is_finished() -> None:
    progress = Progress()
    progress.take(7)
    progress.take(8)
    progress.finish(8)

    assert progress.commit is None
    assert progress.unfinished == 1


def test_offsets_only_grow() -> None:
    progress = Progress()
    progress.take(7)

    with pytest.raises(ValueError, match="offset 7 was taken after 7"):
        progress.take(7)
