"""CloudEvents' times and the W3C trace context."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.errors import InvalidRecord
from contex.records.headers import (
    TIME_MS_MAX,
    Traceparent,
    parse_rfc3339,
    rfc3339,
    traceparent_of,
)

VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@given(st.integers(0, TIME_MS_MAX))
def test_a_time_is_read_as_it_was_written(time_ms: int) -> None:
    assert parse_rfc3339(rfc3339(time_ms), "ce_time") == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-01T00:00:00.123Z", 1_767_225_600_123),
        ("2026-01-01T01:00:00.123456+01:00", 1_767_225_600_123),
        ("2026-01-01t00:00:00z", 1_767_225_600_000),
        ("9999-12-31T23:59:59.999Z", TIME_MS_MAX),
    ],
)
def test_times_of_other_writers_are_read(text: str, time_ms: int) -> None:
    assert parse_rfc3339(text, "ce_time") == time_ms


@pytest.mark.parametrize(
    "text",
    ["", "0", "now", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        parse_rfc3339(text, "ce_time")

    assert "ce_time" in str(caught.value) or "1970" in str(caught.value)


@pytest.mark.parametrize("time_ms", [-1, TIME_MS_MAX + 1, 2**63 - 1])
def test_a_time_outside_the_calendar_has_no_words(time_ms: int) -> None:
    with pytest.raises(InvalidRecord, match="1970 to 9999"):
        rfc3339(time_ms)


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        time_ms = parse_rfc3339(text, "ce_time")
    except InvalidRecord:
        return

    assert datetime.fromtimestamp(time_ms // 1000, UTC).year >= 1970


def test_a_traceparent_is_read_and_written() -> None:
    read = Traceparent.parse(VALID)

    assert read is not None
    assert str(read) == VALID
    assert str(read.child(bytes(range(1, 9)))) == (
        "00-0af7651916cd43dd8448eb211c80319c-0102030405060708-01"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        VALID.upper(),
        VALID + "-extra",  # version 00 has exactly four fields
        VALID + "\n",
        "ff" + VALID[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
    ],
)
def test_a_malformed_traceparent_is_as_good_as_none(text: str) -> None:
    assert Traceparent.parse(text) is None


def test_a_later_versions_traceparent_is_read_as_far_as_it_is_known() -> None:
    assert Traceparent.parse("01" + VALID[2:] + "-more") == Traceparent.parse(VALID)


def test_a_trace_begins_out_of_given_bytes() -> None:
    assert str(Traceparent.new(bytes(range(1, 25)))) == (
        "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01"
    )
    with pytest.raises(ValueError, match="24 random bytes"):
        Traceparent.new(b"short")


def test_the_trace_of_a_record_is_found_or_not() -> None:
    assert traceparent_of((("traceparent", VALID.encode()),)) == Traceparent.parse(VALID)
    assert traceparent_of((("traceparent", b"\xff"),)) is None
    assert traceparent_of((("traceparent", b"nonsense"),)) is None
    assert traceparent_of(()) is None
