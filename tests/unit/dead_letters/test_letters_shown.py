"""A list of dead letters fits any width, and a place can be copied out of it."""

import pytest
from log_twin import LogTwin

from contex.dead_letters.letter import Letter, read_letter
from contex.dead_letters.redriving import choose_places
from contex.dead_letters.verdicts import Way
from contex.errors import InvalidRecord
from contex.records.dead_letter import dead_letter
from contex.records.message import Message, Received
from contex.records.redriven import Note, Place
from topology.commands.letters_shown import list_lines, print_list

TOPIC = "contex.routing.dead-letter"
KEY = "default/demo/orders/of the eu-central-1 region/2026"
AT = "1970-01-01T00:00:00.009Z"


def letter_of(message: str) -> Letter:
    received = Received("contex.publications", 0, 7, 1, KEY.encode(), b"1")
    error = InvalidRecord(message)
    dead = dead_letter(received, stage="routing", error=error, at_ms=5)
    return read_letter(Received(TOPIC, 0, 17, 9, dead.key, dead.value, dead.headers))


def test_a_letter_is_its_place_its_facts_and_its_message() -> None:
    assert list_lines(letter_of("no Avro\nmore"), None, 120) == [
        f"{TOPIC}:0:17",
        f"  {AT}  {KEY}  InvalidRecord",
        "  no Avro",
    ]


@pytest.mark.parametrize("width", [1, 60, 80])
def test_nothing_is_wider_than_the_terminal_and_no_place_is_broken(width: int) -> None:
    note = Note(Place(TOPIC, 0, 17), Place("contex.publications", 11, 1234), 8)
    place, *about = list_lines(letter_of("a wrong thing was said " * 40), note, width)

    assert place == f"{TOPIC}:0:17"
    assert max(map(len, about)) <= max(width, 40), about
    assert any("contex.publications:11:1234" in line for line in about), about
    assert all(line.startswith("  ") for line in about), about
    assert about[-1].endswith("…"), about


def test_a_letter_of_unreadable_headers_is_listed_too() -> None:
    letter = read_letter(Received(TOPIC, 1, 2, 9, None, None, (("a", b"\xff"),)))
    assert list_lines(letter, None, 80)[1:] == [
        f"  {AT}  (no key)",
        "  its headers cannot be read",
    ]


def test_letters_stand_apart_and_control_characters_steer_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_list([(letter_of("\x1b[2J"), None)] * 2)
    said = capsys.readouterr().out
    assert said.split("\n\n")[1].splitlines() == [
        f"{TOPIC}:0:17",
        f"  {AT}  {KEY}  InvalidRecord",
        "  \\x1b[2J",
    ]


@pytest.mark.parametrize("place", [Place(TOPIC, 99, 1), Place(TOPIC, 0, 1), Place(TOPIC, 0, 0)])
async def test_a_place_that_cannot_be_is_not_even_read(place: Place) -> None:
    log = LogTwin({TOPIC: 2})
    log.append(TOPIC, Message(b"k", b"x"), partition=0)
    asked: list[int] = []

    async def record_at(topic: str, partition: int, offset: int) -> Received | None:
        asked.append(partition)
        return await LogTwin.record_at(log, topic, partition, offset)

    log.record_at = record_at  # type: ignore[method-assign]
    chosen = await choose_places(log, Way("routing", TOPIC, {}), [place])

    there = place == Place(TOPIC, 0, 0)
    assert ([one.place for one in chosen.letters], asked) == (([place], [0]) if there else ([], []))
