"""When a child is started again, and when it has ended too often."""

from contex.local.restarts import (
    DELAY_S_MAX,
    FIRST_DELAY_S,
    LOOP_ENDS,
    LOOP_WINDOW_S,
    WELL_AFTER_S,
    Restarts,
)


def test_delays_double_up_to_their_bound() -> None:
    restarts = Restarts()
    delays = [restarts.ended(now_s=1_000.0 * n, ran_s=0.1).delay_s for n in range(10)]
    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == DELAY_S_MAX
    assert delays == sorted(delays)


def test_a_child_that_ran_well_starts_over() -> None:
    restarts = Restarts()
    for n in range(4):
        restarts.ended(now_s=float(n), ran_s=0.1)
    verdict = restarts.ended(now_s=100.0, ran_s=WELL_AFTER_S)
    assert (verdict.delay_s, verdict.loop) == (FIRST_DELAY_S, False)


def test_a_loop_is_told_once_per_loop() -> None:
    restarts = Restarts()
    told = [restarts.ended(now_s=float(n), ran_s=0.1).loop for n in range(2 * LOOP_ENDS)]
    assert told == ([False] * (LOOP_ENDS - 1) + [True]) * 2


def test_rare_ends_are_no_loop() -> None:
    restarts = Restarts()
    apart_s = LOOP_WINDOW_S / (LOOP_ENDS - 1) + 1
    told = [restarts.ended(now_s=n * apart_s, ran_s=0.1).loop for n in range(LOOP_ENDS * 3)]
    assert not any(told)
