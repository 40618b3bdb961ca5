"""A client that repeats itself is heard once in a while; nobody else is silenced."""

import logging

import pytest

from contex.telemetry.repeats import KINDS_MAX, QUIET_S, Repeats

CLIENT = "contex.log.consumer.client"
REFUSED = "FAIL [consumer-%d]: Connect to 127.0.0.1:9092 failed: Connection refused (after %dms)"


class World:
    """A filter and the clock it reads."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._filter = Repeats(lambda: self.now_s)

    def tell(
        self, text: str, *arguments: object, name: str = CLIENT, level: int = logging.ERROR
    ) -> str | None:
        record = logging.LogRecord(name, level, "", 0, text, arguments, None)
        return record.getMessage() if self._filter.filter(record) else None


def test_an_outage_is_told_once_and_counted() -> None:
    world = World()
    told = []
    for number in range(600):
        told.append(world.tell(REFUSED, number % 3, number))
        world.now_s += QUIET_S / 240
    assert [text for text in told if text is not None] == [
        REFUSED % (0, 0),
        f"{REFUSED % (0, 240)} (239 more like it before)",
        f"{REFUSED % (0, 480)} (239 more like it before)",
    ]


def test_what_is_said_anew_after_a_while_has_no_count() -> None:
    world = World()
    assert world.tell(REFUSED, 1, 1) == REFUSED % (1, 1)
    world.now_s += QUIET_S
    assert world.tell(REFUSED, 1, 1) == REFUSED % (1, 1)


def test_another_kind_another_level_and_another_client_are_heard() -> None:
    world = World()
    assert world.tell("down") == "down"
    assert world.tell("up") == "up"
    assert world.tell("down", level=logging.WARNING) == "down"
    assert world.tell("down", name="aiokafka.consumer.fetcher") == "down"


@pytest.mark.parametrize("name", ["contex.log.registrations", "workers.routing", "root", "aiokafk"])
def test_our_own_lines_are_never_left_out(name: str) -> None:
    world = World()
    assert [world.tell("skipped %d", n, name=name) for n in (1, 2)] == ["skipped 1", "skipped 2"]


def test_as_many_kinds_are_kept_as_are_bounded() -> None:
    world = World()
    kinds = ["kind " + "x" * size for size in range(KINDS_MAX + 1)]
    assert [world.tell(kind) for kind in kinds] == kinds
    assert world.tell(kinds[-1]) is None
    assert world.tell(kinds[0]) == kinds[0], "expected the oldest to be forgotten"


def test_a_line_that_cannot_be_written_is_left_to_the_handler() -> None:
    record = logging.LogRecord(CLIENT, logging.ERROR, "", 0, "%d", ("no number",), None)
    assert Repeats().filter(record)
