import pytest

from contex.errors import InvalidRecord
from contex.records.message import Received
from contex.webhooks.retries import Turn, read_turn, waiting

RECEIVED = Received("updates", 1, 2, 3, b"t/p/a", b"\x00bytes", (("ce_id", b"x"),))


def test_a_waiting_record_keeps_key_value_and_headers_and_says_which_try_is_next() -> None:
    message = waiting(RECEIVED, Turn(2, 1_700_000_000_000))
    again = waiting(
        Received("lane", 1, 9, 4, message.key, message.value, message.headers),
        Turn(3, 1_700_000_000_000),
    )

    assert (again.key, again.value) == (RECEIVED.key, RECEIVED.value)
    assert again.headers == (
        ("ce_id", b"x"),
        ("__contex.retry.attempt", b"3"),
        ("__contex.retry.first_failed_at", b"1700000000000"),
    )
    assert read_turn(Received("lane", 1, 9, 4, again.key, again.value, again.headers)) == Turn(
        3, 1_700_000_000_000
    )


@pytest.mark.parametrize("attempt", [b"", b"0", b"17", b"-2", b"two", b"2.0", b"9" * 30, b"\xff"])
def test_a_lane_record_without_a_sensible_turn_is_refused(attempt: bytes) -> None:
    headers = (
        ("__contex.retry.attempt", attempt),
        ("__contex.retry.first_failed_at", b"1700000000000"),
    )

    with pytest.raises(InvalidRecord, match=r"__contex\.retry\.attempt"):
        read_turn(Received("lane", 0, 0, 0, b"t/p/a", b"", headers))


def test_a_record_that_was_put_off_before_its_first_try_has_all_of_them() -> None:
    message = waiting(RECEIVED, Turn())

    assert message.headers == (("ce_id", b"x"), ("__contex.retry.attempt", b"1"))
    assert read_turn(Received("lane", 1, 9, 4, message.key, message.value, message.headers)) == (
        Turn()
    )


def test_a_later_try_without_the_first_failure_is_refused() -> None:
    headers = (("__contex.retry.attempt", b"2"),)

    with pytest.raises(InvalidRecord, match=r"__contex\.retry\.first_failed_at"):
        read_turn(Received("lane", 0, 0, 0, b"t/p/a", b"", headers))


def test_a_lane_record_without_headers_is_refused() -> None:
    with pytest.raises(InvalidRecord, match=r"__contex\.retry\.attempt"):
        read_turn(RECEIVED)
