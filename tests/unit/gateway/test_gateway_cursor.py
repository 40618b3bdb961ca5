"""Cursors and frames."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.errors import InvalidValue
from contex.records.cursor import Cursor
from gateway.updates import framing


@given(st.integers(0, 999_999), st.integers(0, 2**63 - 1))
def test_a_cursor_reads_as_it_was_written(partition: int, offset: int) -> None:
    cursor = Cursor(partition, offset)
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text(max_size=20))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with suppress(InvalidValue):
        assert str(Cursor.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ":", "1:", ":1", "01:1", "1:01", "+1:1", "1:1 ", "1:1\n", "\u0661:\u0661", f"0:{2**63}"],
)
def test_near_cursors_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Cursor.parse(text)


def test_an_event_is_framed_as_the_standard_says() -> None:
    assert (
        framing.event("matched", b'{"a":1}', Cursor(3, 17))
        == b'id: 3:17\nevent: matched\ndata: {"a":1}\n\n'
    )
    assert framing.event("gone", b"{}") == b"event: gone\ndata: {}\n\n"


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb", b"\n"])
def test_data_of_two_lines_is_a_bug(data: bytes) -> None:
    with pytest.raises(ValueError, match="one line"):
        framing.event("matched", data)


def test_frames_without_data_dispatch_nothing_but_may_move_the_cursor() -> None:
    assert framing.opening(1_000) == b"retry: 1000\n\n"
    assert framing.keep_alive() == b": keep-alive\n\n"
    assert framing.keep_alive(Cursor(1, 2)) == b": keep-alive\nid: 1:2\n\n"
    assert framing.farewell("closing", Cursor(1, 2)) == b": closing\nid: 1:2\n\n"
