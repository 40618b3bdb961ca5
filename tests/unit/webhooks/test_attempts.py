from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.records.attempt import Fault, Outcome
from contex.webhooks.attempts import (
    Answered,
    Dead,
    Disabled,
    Failure,
    Result,
    Retry,
    Schedule,
    Succeeded,
    Unanswered,
    next_step,
    retry_after_s,
)

LANES_S = (5, 60, 600, 3_600, 21_600)
SCHEDULE = Schedule(LANES_S)
NOW_S = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()


def test_a_failing_endpoint_is_tried_16_times_over_67_hours_then_given_up() -> None:
    waits_s: list[int] = []
    attempt = 1
    while isinstance(step := next_step(attempt, Answered(500), SCHEDULE, NOW_S), Retry):
        assert step.attempt == attempt + 1
        waits_s.append(step.delay_s)
        attempt = step.attempt

    assert waits_s == [5, 60, 600, 3_600, *[21_600] * 11]
    assert attempt == 16
    assert 67 * 3_600 < sum(waits_s) < 68 * 3_600
    assert step == Dead(
        "gave up after 16 attempts; the last one: the endpoint answered 500", Fault.ENDPOINT
    )
    assert step.outcome is Outcome.DEAD


def test_one_attempt_is_told_as_one() -> None:
    step = next_step(1, Answered(500), Schedule(LANES_S, attempts_max=1), NOW_S)
    assert step == Dead(
        "gave up after 1 attempt; the last one: the endpoint answered 500", Fault.ENDPOINT
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_success(status: int) -> None:
    assert next_step(1, Answered(status), SCHEDULE, NOW_S) == Succeeded()


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 599]
)
def test_every_other_status_is_a_failure_of_the_endpoint(status: int) -> None:
    assert next_step(1, Answered(status), SCHEDULE, NOW_S) == Retry(2, 5, Fault.ENDPOINT)


def test_gone_disables_at_once() -> None:
    step = next_step(1, Answered(410), SCHEDULE, NOW_S)

    assert isinstance(step, Disabled)
    assert step.outcome is Outcome.DEAD
    assert step.reason == "disabled: the endpoint answered 410 (Gone) to attempt 1"


def test_a_url_that_cannot_be_called_is_dead_at_once() -> None:
    step = next_step(1, Unanswered(Failure.ADDRESS_INVALID, "no host"), SCHEDULE, NOW_S)

    assert step == Dead("attempt 1 cannot be made: address_invalid: no host", Fault.ENDPOINT)


@pytest.mark.parametrize(
    ("failure", "fault"),
    [
        (Failure.ADDRESS_REFUSED, Fault.ENDPOINT),
        (Failure.TLS, Fault.ENDPOINT),
        (Failure.PROTOCOL, Fault.ENDPOINT),
        (Failure.NAME_UNRESOLVED, Fault.NETWORK),
        (Failure.UNREACHABLE, Fault.NETWORK),
        (Failure.DISCONNECTED, Fault.NETWORK),
        (Failure.TIMEOUT, Fault.NETWORK),
        (Failure.LOCAL, Fault.OURS),
    ],
)
def test_who_is_to_blame_when_there_is_no_answer(failure: Failure, fault: Fault) -> None:
    assert next_step(1, Unanswered(failure), SCHEDULE, NOW_S) == Retry(2, 5, fault)


@pytest.mark.parametrize(
    ("attempt", "wish", "lane_s"),
    [
        (1, "0", 5),
        (1, "5", 5),
        (1, "6", 60),
        (1, "60", 60),
        (1, "61", 600),
        (1, "3601", 21_600),
        (1, "999999999", 21_600),  # no longer than the longest lane
        (4, "1", 3_600),  # never sooner than the schedule
        (1, "Sun, 01 Mar 2026 12:08:00 GMT", 600),
        (1, "Sun, 01 Mar 2026 11:00:00 GMT", 5),  # already past
        (1, "soon", 5),
        (1, "-1", 5),
        (1, "1.5", 5),
        (1, "9" * 10, 5),
        (1, "9" * 400, 5),
        (1, "nan", 5),
        (1, "inf", 5),
        (1, "\u0663\u0666\u0660\u0660", 5),  # digits, and not those of HTTP
        (1, "Mon, 01 Jan 2024 00:00:00 +99999999999999999999", 5),
        (1, "Mon, 01 Jan 99999999999 00:00:00 GMT", 5),
        (1, "Mon, 01 Jan 0001 00:00:00 +2359", 5),
        (1, "Fri, 31 Dec 9999 23:59:59 -2359", 21_600),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_lengthens_the_wait(status: int, attempt: int, wish: str, lane_s: int) -> None:
    step = next_step(attempt, Answered(status, retry_after=wish), SCHEDULE, NOW_S)

    assert step == Retry(attempt + 1, lane_s, Fault.ENDPOINT)


def test_retry_after_means_nothing_with_another_status() -> None:
    step = next_step(1, Answered(500, retry_after="3600"), SCHEDULE, NOW_S)

    assert step == Retry(2, 5, Fault.ENDPOINT)


def test_the_bound_on_attempts_is_a_setting() -> None:
    schedule = Schedule(LANES_S, attempts_max=2)

    assert isinstance(next_step(1, Answered(500), schedule, NOW_S), Retry)
    assert isinstance(next_step(2, Answered(500), schedule, NOW_S), Dead)


@pytest.mark.parametrize("lanes_s", [(), (5, 5), (60, 5), (0, 5)])
def test_a_schedule_without_ascending_lanes_is_refused(lanes_s: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="lane"):
        Schedule(lanes_s)


results = st.one_of(
    st.builds(Answered, st.integers(100, 599), st.none() | st.text(max_size=80)),
    st.builds(Unanswered, st.sampled_from(Failure)),
)


@given(st.integers(1, 20), results, st.integers(1, 16))
def test_every_result_has_a_step_and_a_retry_uses_a_lane_that_exists(
    attempt: int, result: Result, attempts_max: int
) -> None:
    step = next_step(attempt, result, Schedule(LANES_S, attempts_max), NOW_S)

    if isinstance(step, Retry):
        assert step.delay_s in LANES_S
        assert step.attempt == attempt + 1 <= attempts_max
    assert (step.fault is Fault.NONE) == isinstance(step, Succeeded)


almost_dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}{}".format,
    st.sampled_from(["Mon", "", ","]),
    st.integers(-1, 99),
    st.sampled_from(["Jan", "Dec", "Nov-", "0"]),
    st.integers(-1, 10**12),
    st.integers(-1, 99),
    st.integers(-1, 99),
    st.integers(-1, 10**6),
    st.sampled_from(["+", "-", "GMT", "+-"]),
    st.integers(0, 10**22),
)


@given(st.text(max_size=80) | almost_dates)
def test_any_retry_after_is_read_without_an_error(header: str) -> None:
    wish_s = retry_after_s(header, NOW_S)

    assert wish_s is None or wish_s >= 0
