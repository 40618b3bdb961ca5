from hypothesis import given
from hypothesis import strategies as st

from contex.records.message import Received
from contex.webhooks.lanes import Admission, Lanes

LANE = "retry.5s"
SLOW = "retry.1m"
T0_MS = 1_700_000_000_000


def at(offset: int, timestamp_ms: int, topic: str = LANE, partition: int = 0) -> Received:
    return Received(topic, partition, offset, timestamp_ms, b"t/p/a", b"")


def lanes() -> Lanes:
    return Lanes({LANE: 5, SLOW: 60})


def test_a_record_outside_the_lanes_is_never_held() -> None:
    assert lanes().admit(at(0, T0_MS, "updates"), T0_MS) is Admission.NOW


def test_a_head_is_held_until_it_is_due_and_comes_back_at_its_offset() -> None:
    under_test = lanes()

    assert under_test.admit(at(3, T0_MS), T0_MS + 4_999) is Admission.HOLD
    assert under_test.admit(at(4, T0_MS + 1), T0_MS + 4_999) is Admission.BEHIND
    assert under_test.offsets_held([(LANE, 0)]) == {(LANE, 0): 3}
    assert under_test.wait_s(T0_MS + 4_000) == 1.0
    assert under_test.release(T0_MS + 4_999) == []
    assert under_test.release(T0_MS + 5_000) == [(LANE, 0)]
    assert under_test.wait_s(T0_MS + 5_000) is None
    assert under_test.admit(at(3, T0_MS), T0_MS + 5_000) is Admission.NOW


def test_a_held_partition_holds_no_other() -> None:
    under_test = lanes()

    assert under_test.admit(at(0, T0_MS), T0_MS) is Admission.HOLD
    assert under_test.admit(at(0, T0_MS - 5_000, partition=1), T0_MS) is Admission.NOW
    assert under_test.admit(at(0, T0_MS - 60_000, topic=SLOW), T0_MS) is Admission.NOW


def test_overdue_is_the_lateness_of_the_oldest_unfinished_record() -> None:
    under_test = lanes()
    late = at(0, T0_MS)
    under_test.admit(late, T0_MS + 7_000)
    under_test.admit(at(1, T0_MS + 1_000), T0_MS + 7_000)

    assert under_test.overdue_s(T0_MS + 7_000) == {LANE: 2.0, SLOW: 0.0}
    under_test.finish(late)
    assert under_test.overdue_s(T0_MS + 7_000) == {LANE: 1.0, SLOW: 0.0}


def test_a_held_head_that_nobody_released_is_overdue() -> None:
    under_test = lanes()
    under_test.admit(at(0, T0_MS), T0_MS)

    assert under_test.overdue_s(T0_MS + 4_000)[LANE] == 0.0
    assert under_test.overdue_s(T0_MS + 9_000)[LANE] == 4.0


def test_a_partition_that_left_is_forgotten() -> None:
    under_test = lanes()
    under_test.admit(at(0, T0_MS), T0_MS)
    under_test.admit(at(0, T0_MS - 9_000, partition=1), T0_MS)

    under_test.forget([(LANE, 0), (LANE, 1)])

    assert list(under_test.held) == []
    assert under_test.overdue_s(T0_MS + 60_000) == {LANE: 0.0, SLOW: 0.0}


@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=50).map(sorted),
    st.lists(st.integers(1, 4_000), min_size=1, max_size=30),
)
def test_every_record_is_tried_once_in_order_and_never_early(
    appended_ms: list[int], steps_ms: list[int]
) -> None:
    """A consumer that obeys: it reads on, except where a partition is held, and comes back."""
    under_test = lanes()
    log = [at(offset, T0_MS + ms) for offset, ms in enumerate(appended_ms)]
    tried: list[int] = []
    position, now_ms, turn = 0, T0_MS, 0
    while len(tried) < len(log):
        for received in log[position:]:
            admission = under_test.admit(received, now_ms)
            if admission is Admission.NOW:
                assert now_ms >= received.timestamp_ms + 5_000
                tried.append(received.offset)
                position = received.offset + 1
                under_test.finish(received)
        now_ms += steps_ms[turn % len(steps_ms)]
        turn += 1
        assert turn < 100_000
        under_test.release(now_ms)

    assert tried == list(range(len(log)))
