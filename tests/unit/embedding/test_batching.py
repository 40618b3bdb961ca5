"""How texts are cut into batches."""

from hypothesis import given
from hypothesis import strategies as st

from contex.embedding.batching import PADDED_TOKENS_MAX, cut

LENGTHS = st.lists(st.integers(0, 300), max_size=200)
BUDGETS = st.integers(1, 4_096)


@given(LENGTHS, BUDGETS)
def test_every_text_stands_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = cut(lengths, budget)
    assert sorted(at for batch in batches for at in batch) == list(range(len(lengths)))
    assert all(batches), f"expected no empty batch, got {batches}"


@given(LENGTHS, BUDGETS)
def test_only_a_text_alone_may_exceed_the_budget(lengths: list[int], budget: int) -> None:
    for batch in cut(lengths, budget):
        padded = len(batch) * max(lengths[at] for at in batch)
        assert padded <= budget or len(batch) == 1, f"{padded} padded tokens in {batch}"


@given(LENGTHS, BUDGETS)
def test_batches_go_from_long_to_short(lengths: list[int], budget: int) -> None:
    order = [lengths[at] for batch in cut(lengths, budget) for at in batch]
    assert order == sorted(lengths, reverse=True)


@given(LENGTHS, BUDGETS)
def test_no_batch_could_have_taken_the_next_text(lengths: list[int], budget: int) -> None:
    batches = cut(lengths, budget)
    for batch in batches[:-1]:
        longest = max(lengths[batch[0]], 1)
        assert (len(batch) + 1) * longest > budget, f"{batch} was closed too early"


def test_empty_texts_count_as_one_token_each() -> None:
    assert [len(batch) for batch in cut([0] * 5, 2)] == [2, 2, 1]


def test_the_default_budget_is_eight_of_the_longest_rows() -> None:
    assert [len(batch) for batch in cut([256] * 17)] == [8, 8, 1]
    assert PADDED_TOKENS_MAX == 8 * 256


def test_mixed_lengths_waste_little_padding() -> None:
    lengths = [6 + 5 * (at % 51) for at in range(300)]
    batches = cut(lengths)
    padded = sum(len(batch) * max(lengths[at] for at in batch) for batch in batches)
    assert padded / sum(lengths) < 1.25, f"{padded} padded for {sum(lengths)} tokens"
