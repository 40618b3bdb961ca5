"""A few poison records pass; when nearly everything is rejected, the worker must stop."""

from contex.routing.dead_letter_limit import (
    REJECTED_IN_A_ROW_MAX,
    REJECTED_SHARE_MAX,
    WINDOW_RECORDS,
    DeadLetterLimit,
)


def test_a_long_row_of_rejections_is_too_much() -> None:
    limit = DeadLetterLimit()
    reasons = []
    for _ in range(REJECTED_IN_A_ROW_MAX + 1):
        limit.note(rejected=True)
        reasons.append(limit.exceeded)

    assert reasons[:-1] == [None] * REJECTED_IN_A_ROW_MAX
    assert "in a row" in (reasons[-1] or "")


def test_one_good_record_ends_a_row() -> None:
    limit = DeadLetterLimit()
    for _ in range(3):
        for _ in range(REJECTED_IN_A_ROW_MAX):
            limit.note(rejected=True)
        limit.note(rejected=False)
        if limit.exceeded:
            break

    assert limit.exceeded is None


def test_a_share_that_is_too_high_is_too_much_without_any_row() -> None:
    limit = DeadLetterLimit()
    every = round(1 / (1 - REJECTED_SHARE_MAX)) * 2
    for number in range(WINDOW_RECORDS):
        limit.note(rejected=number % every != 0)

    assert f"of the last {WINDOW_RECORDS}" in (limit.exceeded or "")


def test_many_but_not_nearly_all_pass_for_ever() -> None:
    limit = DeadLetterLimit()
    for number in range(5 * WINDOW_RECORDS):
        limit.note(rejected=number % 5 != 0)

        assert limit.exceeded is None
