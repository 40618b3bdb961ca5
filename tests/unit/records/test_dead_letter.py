"""A dead letter is the original and the reason, and can be told from both."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.errors import InvalidRecord
from contex.records.dead_letter import (
    MESSAGE_CHARACTERS_MAX,
    PREFIX,
    DeadLetterInfo,
    dead_letter,
    original_headers,
    read_headers,
)
from contex.records.message import Received

RECEIVED = Received(
    "contex.publications", 3, 41, 5, b"a/b/\xff", b"\x00junk", (("ce_id", b"1"), ("ce_id", b"2"))
)
ERROR = InvalidRecord("value is no record")
INFO = DeadLetterInfo(
    topic="contex.publications",
    partition=3,
    offset=41,
    stage="routing",
    error_class="contex.errors.InvalidRecord",
    message="value is no record",
    attempt=1,
    first_failed_at_ms=1_000,
)

headers = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8"), max_size=20)
        | st.sampled_from(["attempt", "offset"]).map(PREFIX.__add__),
        st.binary(max_size=20),
    ),
    max_size=4,
).map(tuple)


def again(message_headers: tuple[tuple[str, bytes], ...]) -> Received:
    """Return the dead letter as a redrive brings it back, at another place."""
    return replace(RECEIVED, offset=99, headers=message_headers)


def test_the_original_stays_byte_for_byte() -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ERROR, at_ms=1_000)

    assert letter.key == RECEIVED.key
    assert letter.value == RECEIVED.value
    assert letter.headers[:2] == RECEIVED.headers
    assert original_headers(letter.headers) == RECEIVED.headers


def test_the_headers_say_where_and_why() -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ERROR, at_ms=1_000)

    assert read_headers(letter.headers) == INFO
    assert dict(letter.headers)["__contex.errors.offset"] == b"41"


def test_a_tombstone_stays_one() -> None:
    tombstone = replace(RECEIVED, value=None)

    assert dead_letter(tombstone, stage="routing", error=ERROR, at_ms=1).value is None


def test_no_key_is_told_from_an_empty_one() -> None:
    absent = dead_letter(replace(RECEIVED, key=None), stage="routing", error=ERROR, at_ms=1)
    empty = dead_letter(replace(RECEIVED, key=b""), stage="routing", error=ERROR, at_ms=1)

    assert absent.key == empty.key == b""
    assert read_headers(absent.headers).keyless
    assert not read_headers(empty.headers).keyless


def test_a_second_failure_keeps_the_first_ones_time_and_adds_up_the_attempts() -> None:
    first = dead_letter(RECEIVED, stage="webhooks", error=ERROR, at_ms=1_000, attempt=16)
    second = dead_letter(
        again(first.headers), stage="webhooks", error=ValueError("other"), at_ms=9_000, attempt=2
    )

    assert read_headers(second.headers) == replace(
        INFO,
        stage="webhooks",
        offset=99,
        error_class="builtins.ValueError",
        message="other",
        attempt=18,
        first_failed_at_ms=1_000,
    )
    assert original_headers(second.headers) == RECEIVED.headers
    assert len(second.headers) == len(first.headers)


def test_a_long_message_is_cut() -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ValueError("x" * 9_999), at_ms=1)

    assert read_headers(letter.headers).message == "x" * MESSAGE_CHARACTERS_MAX


def test_a_message_that_is_no_unicode_does_not_fail_a_second_time() -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ValueError("\ud800"), at_ms=1)

    assert read_headers(letter.headers).message == "\\ud800"


@pytest.mark.parametrize("name", ["topic", "partition", "offset", "stage", "attempt"])
def test_a_missing_header_is_named(name: str) -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ERROR, at_ms=1)
    rest = tuple(header for header in letter.headers if header[0] != PREFIX + name)

    with pytest.raises(InvalidRecord, match=f"{name} is missing"):
        read_headers(rest)


@pytest.mark.parametrize("value", [b"", b"-1", b"1.5", b"x", "٣".encode(), b"9" * 20])
def test_a_malformed_number_is_named(value: bytes) -> None:
    letter = dead_letter(RECEIVED, stage="routing", error=ERROR, at_ms=1)

    with pytest.raises(InvalidRecord, match="offset is no whole number"):
        read_headers((*letter.headers, (f"{PREFIX}offset", value)))


@given(st.none() | st.binary(), st.none() | st.binary(), headers, st.text())
def test_any_record_can_be_a_dead_letter(
    key: bytes | None, value: bytes | None, given_: tuple[tuple[str, bytes], ...], words: str
) -> None:
    received = Received("t", 1, 2, 3, key, value, given_)

    letter = dead_letter(received, stage="routing", error=ValueError(words), at_ms=7)
    info = read_headers(letter.headers)

    assert (letter.key or None) == (key or None)
    assert letter.value == value
    assert (info.topic, info.partition, info.offset, info.first_failed_at_ms) == ("t", 1, 2, 7)
