"""What a reader of updates is told, and when it connects again, without a network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.client.errors import (
    Disconnected,
    InvalidRequest,
    NotFound,
    Unavailable,
    UnexpectedAnswer,
)
from contex.client.listening import (
    RECONNECT_S_BASE_MAX,
    RECONNECT_S_MAX,
    RECONNECTS_MAX,
    STABLE_S,
    Event,
    Feed,
    Open,
    Outcome,
    Read,
    Tell,
    listen,
)
from contex.client.retrying import Limits, Wait
from contex.client.types import Update
from contex.client.wire import Answer, NoAnswer
from contex.records.update import UpdateKind

OPENED = Answer(200)
CUT = NoAnswer("the gateway ended it")
REFUSED = NoAnswer("connection refused")
LIMITS = Limits(retries_max=3)


def event(
    kind: str, epoch: int, *items: tuple[str, int], update_id: str = "u", at: int = 1
) -> Event:
    told: list[dict[str, Any]] = [
        {"data_key": key, "revision": revision, "data": f"{key}@{revision}", "new": "field"}
        for key, revision in items
    ]
    data = {"update_id": update_id, "project_id": "p", "agent_id": "a", "kind": kind,
            "epoch": epoch, "items": told}  # fmt: skip
    return Event(kind, json.dumps({"type": f"context.{kind}", "data": data}), f"3:{at}")


def reset(epoch: int, at: int = 1) -> Event:
    data = {"project_id": "p", "agent_id": "a", "epoch": epoch, "cursor": f"3:{at}"}
    return Event("reset", json.dumps({"data": data}), f"3:{at}")


def held(feed: Feed) -> dict[str, int]:
    return {key: item.revision for key, item in feed.holdings.items()}


def new_feed() -> Feed:
    return Feed("a", "p", None)


def test_an_update_is_told_with_its_cursor_and_data() -> None:
    feed = new_feed()
    update = feed.take(event("matched", 1, ("k", 5), at=7))
    assert update is not None
    assert (update.kind, update.cursor, feed.cursor) == ("matched", "3:7", "3:7")
    assert [(item.data_key, item.revision, item.data) for item in update.items] == [("k", 5, "k@5")]
    assert held(feed) == {"k": 5}


def test_what_is_no_news_is_dropped_and_still_moves_the_cursor() -> None:
    feed = new_feed()
    feed.take(event("initial", 2, ("k", 5), at=1))
    dropped = [
        event("initial", 2, ("k", 5), at=2),  # again
        event("updated", 2, ("k", 5), at=3),  # a repeat
        event("updated", 2, ("k", 4), at=4),  # overtaken
        event("matched", 1, ("other", 9), at=5),  # of an older registration
        event("deleted", 2, ("k", 5), at=6),
    ]
    assert [feed.take(one) for one in dropped] == [None] * 5
    assert (feed.cursor, held(feed)) == ("3:6", {"k": 5})


def test_only_the_items_that_are_news_are_told() -> None:
    feed = new_feed()
    feed.take(event("matched", 1, ("k", 5)))
    update = feed.take(event("initial", 1, ("j", 2), ("k", 4)))
    assert update is not None
    assert [item.data_key for item in update.items] == ["j"]


def test_an_empty_initial_is_told_once() -> None:
    feed = new_feed()
    assert feed.take(event("initial", 1)) is not None
    assert feed.take(event("initial", 1)) is None
    assert feed.take(event("initial", 2, update_id="v")) is not None


def test_a_newer_registration_starts_empty() -> None:
    feed = new_feed()
    feed.take(event("initial", 1, ("k", 5), ("j", 1)))
    feed.take(event("matched", 2, ("k", 3)))
    assert held(feed) == {"k": 3}


@pytest.mark.parametrize("kind", ["retracted", "deleted"])
def test_an_end_is_remembered(kind: str) -> None:
    feed = new_feed()
    feed.take(event("initial", 1, ("k", 5)))
    ended = feed.take(event(kind, 1, ("k", 6)))
    assert ended is not None
    assert held(feed) == {}
    assert feed.take(event("updated", 1, ("k", 6))) is None
    assert held(feed) == {}


def test_a_reset_forgets_and_the_same_registration_is_told_anew() -> None:
    feed = new_feed()
    first = event("initial", 4, ("k", 5), at=8)
    feed.take(first)
    told = feed.take(reset(4, at=2))
    assert told is not None
    assert (told.kind, told.epoch, told.items, told.cursor) == ("reset", 4, (), "3:2")
    assert (held(feed), feed.cursor) == ({}, "3:2")
    again = feed.take(first)
    assert again is not None
    assert held(feed) == {"k": 5}


def test_frames_without_data_move_the_cursor_alone() -> None:
    feed = new_feed()
    assert feed.take(Event("message", "", "3:41")) is None
    assert feed.take(Event("message", "")) is None
    assert feed.cursor == "3:41"
    assert feed.request().params["cursor"] == "3:41"


def test_kinds_of_a_newer_gateway_are_passed_over() -> None:
    feed = new_feed()
    assert feed.take(Event("expired", "anything at all", "3:9")) is None
    assert feed.cursor == "3:9"


def test_an_event_that_is_none_is_an_error() -> None:
    for data in ("nothing", "[]", "{}", '{"data":{"kind":"initial"}}'):
        with pytest.raises(UnexpectedAnswer):
            new_feed().take(Event("initial", data))


def test_a_gateway_says_that_the_agent_is_gone() -> None:
    with pytest.raises(NotFound, match="'a' was unregistered") as raised:
        new_feed().take(Event("gone", "{}", "3:1"))
    assert raised.value.code == "gone"


@dataclass
class World:
    """Carries `listen` out against outcomes that are said beforehand."""

    outcomes: list[Outcome]
    lasts_s: float = 0.0
    chance: float = 0.5
    limits: Limits = LIMITS

    def run(self, feed: Feed | None = None) -> tuple[list[Update], list[float], list[str | None]]:
        """Return what is told, the waits and the cursors of the connections, up to the last."""
        told: list[Update] = []
        waits: list[float] = []
        cursors: list[str | None] = []
        self.now_s = 0.0
        steps = listen(feed or new_feed(), self.limits, lambda: self.now_s, lambda: self.chance)
        outcome: Outcome | None = None
        while True:
            step = steps.send(outcome)
            outcome = None
            match step:
                case Tell(update):
                    told.append(update)
                case Wait(wait_s):
                    waits.append(wait_s)
                    self.now_s += wait_s
                case Open(request):
                    if not self.outcomes:
                        return told, waits, cursors
                    cursors.append(str(request.params["cursor"]))
                    outcome = self.outcomes.pop(0)
                case Read():
                    outcome = self.outcomes.pop(0)
                    if isinstance(outcome, NoAnswer):
                        self.now_s += self.lasts_s


def test_it_connects_again_from_where_it_stood() -> None:
    first, second = event("matched", 1, ("k", 5), at=6), event("updated", 1, ("k", 7), at=9)
    world = World([OPENED, first, CUT, OPENED, second, CUT])
    told, waits, cursors = world.run(Feed("a", "p", "3:2"))
    assert [update.kind for update in told] == ["matched", "updated"]
    assert cursors == ["3:2", "3:6"]
    assert waits == [0.5, 0.5]


def test_the_gateway_says_how_long_to_wait() -> None:
    for retry_ms, base_s in [(3_000, 3.0), (0, 0.0), (99_999_999, RECONNECT_S_BASE_MAX)]:
        _, waits, _ = World([OPENED, Event("message", "", retry_ms=retry_ms), CUT]).run()
        assert waits == [base_s * 0.5]


def test_waits_double_up_to_a_bound() -> None:
    world = World([OPENED, event("initial", 1), CUT, *[REFUSED] * 12])
    _, waits, _ = world.run()
    assert waits[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == RECONNECT_S_MAX / 2


def test_a_first_connection_is_tried_as_often_as_any_call() -> None:
    world = World([REFUSED] * 10)
    with pytest.raises(Disconnected, match="connection refused"):
        world.run()
    assert len(world.outcomes) == 10 - 1 - LIMITS.retries_max


def test_a_first_connection_is_tried_as_long_as_any_call() -> None:
    world = World([REFUSED] * 10, limits=Limits(timeout_s=10.0, retries_max=10))
    with pytest.raises(Disconnected, match="connection refused"):
        world.run()
    assert len(world.outcomes) == 10 - 5, "at 0, 0.5, 1.5, 3.5 and 7.5 s"


def test_once_reached_the_gateway_is_given_time() -> None:
    world = World([OPENED, event("initial", 1), CUT, *[REFUSED] * 200])
    with pytest.raises(Unavailable, match="connection refused"):
        world.run()
    assert len(world.outcomes) == 200 - RECONNECTS_MAX


def test_a_gateway_that_hangs_up_each_time_is_given_up() -> None:
    world = World([OPENED, Event("message", "", "3:1", 1000), CUT] * 200)
    with pytest.raises(Disconnected, match="the stream of updates broke: the gateway ended it"):
        world.run()
    assert len(world.outcomes) == 3 * (200 - RECONNECTS_MAX - 1)


def test_quiet_connections_that_last_are_no_failures() -> None:
    rounds = 3 * RECONNECTS_MAX
    world = World([OPENED, CUT] * rounds, lasts_s=STABLE_S)
    _, waits, _ = world.run()
    assert waits == [0.5] * rounds


def test_what_passes_is_waited_for_and_what_is_refused_raised() -> None:
    busy = Answer(503, {"retry-after": "5"}, b"{}")
    _, waits, _ = World([busy, OPENED, CUT]).run()
    assert waits[0] == 5.5
    for status, error in [(400, InvalidRequest), (404, NotFound)]:
        body = b'{"code":"c","detail":"d"}'
        with pytest.raises(error):
            World([OPENED, event("initial", 1), CUT, Answer(status, {}, body)]).run()


Told = tuple[str, int, str, int]
tellings = st.lists(
    st.tuples(
        st.sampled_from([*UpdateKind]), st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 9)
    ),
    max_size=30,
)


def truth(told: Sequence[Told]) -> dict[str, int]:
    """Return what is held after all of it, in whatever order, by the newest alone."""
    epoch = max((one[1] for one in told), default=0)
    newest: dict[str, tuple[int, bool]] = {}
    for kind, of_epoch, key, revision in told:
        if of_epoch == epoch and revision > newest.get(key, (-1, False))[0]:
            newest[key] = (revision, kind not in {"retracted", "deleted"})
    return {key: revision for key, (revision, holds) in newest.items() if holds}


def consistent(told: Sequence[Told]) -> list[Told]:
    """One revision of one key is told in one way only, as by one routing."""
    ways: dict[tuple[int, str, int], Told] = {}
    return [ways.setdefault(one[1:], one) for one in told]


@given(tellings, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(told: list[Told], chance: Any) -> None:
    told = consistent(told)
    shuffled = told + [one for one in told if chance.random() < 0.5]
    chance.shuffle(shuffled)
    feed = new_feed()
    mine: dict[str, int] = {}
    epoch = -1
    for kind, of_epoch, key, revision in shuffled:
        update = feed.take(event(kind, of_epoch, (key, revision)))
        if update is None:
            continue
        if update.epoch > epoch:  # what a reader does who keeps its own state
            epoch, mine = update.epoch, {}
        for item in update.items:
            assert item.revision > mine.get(item.data_key, -1), "told twice, or backwards"
            mine[item.data_key] = item.revision
            if update.kind in {"retracted", "deleted"}:
                del mine[item.data_key]
    assert held(feed) == truth(told)
    assert mine == truth(told)


@given(st.lists(st.sampled_from(["event", "cut", "refused", "frame"]), max_size=60))
def test_however_the_connection_breaks_nothing_is_told_twice_or_left_out(
    schedule: list[str],
) -> None:
    """A log of one agent, read through a connection that breaks wherever it likes."""
    log = [event("matched", 1, (f"k{n}", n), at=n + 1) for n in range(20)]
    feed = Feed("a", "p", "3:0")
    world_now = 0.0
    limits = Limits(timeout_s=1_000.0, retries_max=100)
    steps = listen(feed, limits, lambda: world_now, lambda: 0.0)
    told: list[str] = []
    position = 0
    breaks = iter(schedule)
    step = steps.send(None)
    while len(told) < len(log):
        outcome: Outcome | None = None
        match step:
            case Tell(update):
                told.append(update.items[0].data_key)
            case Open(request):
                position = int(str(request.params["cursor"]).partition(":")[2])
                outcome = REFUSED if next(breaks, "") == "refused" else OPENED
            case Read():
                happens = next(breaks, "event")
                outcome = CUT if happens == "cut" else Event("message", "", f"3:{position}")
                if happens == "event" and position < len(log):
                    outcome, position = log[position], position + 1
            case Wait(wait_s):
                world_now += wait_s + STABLE_S
        if len(told) < len(log):
            step = steps.send(outcome)
    assert told == [f"k{n}" for n in range(20)]
