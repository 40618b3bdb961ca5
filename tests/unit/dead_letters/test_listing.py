"""Dead letters are found newest first, with what became of them, and told in full."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_twin import LogTwin

from contex.dead_letters.letter import Filter, Letter, read_letter
from contex.dead_letters.payload import HEXDUMP_BYTES_MAX, TEXT_CHARACTERS_MAX, describe, hexdump
from contex.dead_letters.scan import newest_first
from contex.errors import InvalidRecord
from contex.records import Publication, Scope, Value, ValueKey
from contex.records.codec import Codec
from contex.records.dead_letter import dead_letter
from contex.records.message import Message, Received
from contex.records.redriven import Note, Place, read_note, write_note
from contex.records.schema_source import PinnedSchemas

SCHEMAS = PinnedSchemas()
TOPICS = {"one": 2, "two": 3}


def letter_of(key: bytes, error: Exception | None = None) -> Letter:
    received = Received("values", 0, 7, 1, key, b"1")
    message = dead_letter(received, stage="routing", error=error or InvalidRecord("no"), at_ms=5)
    return read_letter(Received("one", 0, 3, 9, message.key, message.value, message.headers))


async def read(log: LogTwin, since_ms: int | None = None) -> list[Letter | Note]:
    return [one async for one in newest_first(log, list(TOPICS), since_ms=since_ms)]


@given(st.lists(st.tuples(st.sampled_from(list(TOPICS)), st.binary(min_size=1, max_size=2))))
async def test_all_are_listed_newest_first(written: list[tuple[str, bytes]]) -> None:
    log = LogTwin(TOPICS)
    for topic, key in written:
        log.append(topic, Message(key, b"x"))

    found = await read(log)

    assert len(found) == len(written)
    assert [one.at_ms for one in found] == sorted((one.at_ms for one in found), reverse=True)


async def test_a_note_comes_before_its_letter_and_the_time_bounds_both() -> None:
    log = LogTwin(TOPICS)
    old = log.append("one", Message(b"k", b"x"))
    letter = log.append("one", Message(b"k", b"x"))
    note = Note(Place.of(letter), Place("values", 1, 2), 77)
    log.append("one", write_note(note, b"k"))

    found = await read(log, since_ms=letter.timestamp_ms)

    assert found[0] == note
    assert [one.place for one in found if isinstance(one, Letter)] == [Place.of(letter)]
    assert old.offset != letter.offset


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        (Filter(), True),
        (Filter(tenant="t", project="p"), True),
        (Filter(tenant="x"), False),
        (Filter(project="x"), False),
        (Filter(key="a/b"), True),
        (Filter(key="t/p/a/b"), True),
        (Filter(key="a/*"), True),
        (Filter(key="b"), False),
        (Filter(error_class="invalidrecord"), True),
        (Filter(error_class="contex.errors.InvalidRecord"), True),
        (Filter(error_class="InvalidValue"), False),
    ],
)
def test_letters_are_chosen_by_what_they_say(wanted: Filter, accepted: bool) -> None:
    assert wanted.accepts(letter_of(b"t/p/a/b")) is accepted


def test_a_malformed_letter_is_one_too() -> None:
    letter = read_letter(Received("one", 0, 3, 9, b"\xff", None, (("a", b"\xff"),)))

    assert letter.info is None
    assert letter.key_text == "\\xff"
    assert letter.names == ("\\xff", "", "")


@pytest.mark.parametrize("text", ["", "a", "a:b", "a:1", "a:1:", ":1:2", "a:-1:2", "a:1:2:3"])
def test_a_place_is_read_strictly(text: str) -> None:
    with pytest.raises(InvalidRecord):
        Place.parse(text)


def test_a_place_and_a_note_are_read_back() -> None:
    note = Note(Place("a.b", 1, 2), Place("c", 0, 9), 5)
    message = write_note(note, b"k")

    assert Place.parse(str(note.letter)) == note.letter
    assert (read_note(message.headers), message.value) == (note, None)
    assert read_note((("__contex.redriven.note", b"nowhere"),)) is None


def test_a_record_is_told_by_its_schema() -> None:
    key = ValueKey(Scope("t", "p"), "k")
    publication = Publication(key, Value(b'{"a": 1}', "application/json"), "id", 5)
    value = Codec(SCHEMAS).encode(publication).value

    payload = describe(value, SCHEMAS)

    assert payload.form == "avro"
    assert "contex.records.Publication" in payload.about
    assert json.loads(payload.text)["content"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (None, "none", ""),
        (b'{"a":1}', "json", '{\n  "a": 1\n}'),
        (b"plain words", "text", "plain words"),
        (b"\xff\x00A", "bytes", f"00000000  {'ff 00 41':<47}  ..A"),
    ],
)
def test_other_values_are_told_as_what_they_are(value: bytes | None, form: str, text: str) -> None:
    payload = describe(value, SCHEMAS)

    assert (payload.form, payload.text) == (form, text)


def test_an_unknown_schema_is_told_with_the_bytes() -> None:
    payload = describe(b"\0\0\x0f\x42\x40rest\xff", SCHEMAS)

    assert payload.form == "bytes"
    assert "1000000" in payload.about


def test_what_is_shown_is_bounded() -> None:
    assert describe(b"\xff" * 100_000, SCHEMAS).truncated
    assert len(hexdump(b"\xff" * HEXDUMP_BYTES_MAX).splitlines()) == HEXDUMP_BYTES_MAX / 16
    told = describe(b"a" * 100_000, SCHEMAS)
    assert (told.truncated, len(told.text)) == (True, TEXT_CHARACTERS_MAX)


@given(st.binary(max_size=200))
def test_any_bytes_are_told(value: bytes) -> None:
    assert describe(value, SCHEMAS).form in {"avro", "json", "text", "bytes"}
