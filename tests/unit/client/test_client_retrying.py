"""When a call is repeated and what it is raised as: every decision, without a network."""

import contextlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.client import operations
from contex.client.errors import (
    Conflict,
    ContexClientError,
    Disconnected,
    Failed,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from contex.client.retrying import (
    BACKOFF_S_BASE,
    BACKOFF_S_MAX,
    RETRY_AFTER_S_MAX,
    RETRYABLE,
    Limits,
    Outcome,
    Send,
    Wait,
    backoff_s,
    error_of,
    exchange,
    retry_after_s,
)
from contex.client.types import Agent, Publish
from contex.client.wire import KEY_HEADER, Answer, NoAnswer, Operation, Request

LIMITS = Limits()
AWAY = NoAnswer("nobody listens there")
AGENT = {"agent_id": "a", "project_id": "p", "epoch": 3}
GOOD = Answer(200, {}, json.dumps(AGENT).encode())
READING = operations.agent("a", "p")


def problem(status: int, **headers: str) -> Answer:
    body = {"code": "some-code", "detail": "because", "request_id": "r1", "errors": []}
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()},
                  json.dumps(body).encode())  # fmt: skip


class World:
    """Carries a call out against outcomes that are said beforehand; its clock moves by waiting."""

    def __init__(self, *outcomes: Outcome, takes_s: float = 0.0) -> None:
        self.outcomes = list(outcomes)
        self.takes_s = takes_s
        self.now_s = 100.0
        self.sent: list[Send] = []
        self.waits: list[float] = []

    def run(
        self, operation: Operation[object] = READING, limits: Limits = LIMITS, chance: float = 0.5
    ) -> object:
        steps = exchange(operation, limits, lambda: self.now_s, lambda: chance)
        outcome: Outcome | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            if isinstance(step, Wait):
                self.waits.append(step.wait_s)
                self.now_s += step.wait_s
                outcome = None
            else:
                self.sent.append(step)
                self.now_s += self.takes_s
                outcome = self.outcomes.pop(0)


def test_a_good_answer_is_read_and_nothing_is_repeated() -> None:
    world = World(GOOD)
    assert world.run() == Agent("a", "p", 3)
    assert (len(world.sent), world.waits) == (1, [])


@pytest.mark.parametrize("outcome", [AWAY, *map(problem, sorted(RETRYABLE))], ids=str)
def test_what_passes_is_tried_again(outcome: Outcome) -> None:
    world = World(outcome, outcome, GOOD)
    assert world.run() == Agent("a", "p", 3)
    assert world.waits == [BACKOFF_S_BASE * 0.75, BACKOFF_S_BASE * 1.5]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (405, InvalidRequest),
        (409, Conflict),
        (410, NotFound),
        (412, Conflict),
        (413, InvalidRequest),
        (415, InvalidRequest),
        (418, Refused),
        (422, InvalidRequest),
        (500, Failed),
        (501, Failed),
    ],
)
def test_what_does_not_pass_is_raised_at_once(status: int, error: type[ContexClientError]) -> None:
    world = World(problem(status))
    with pytest.raises(error, match=f"because .{status} some-code, request r1") as raised:
        world.run()
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.code) == (status, "some-code")
    assert raised.value.next_step
    assert str(raised.value).endswith(raised.value.next_step)
    assert world.waits == []


def test_a_call_that_could_do_harm_twice_is_never_repeated() -> None:
    unsafe = Operation(Request("POST", "/x"), READING.read)
    world = World(AWAY)
    with pytest.raises(Disconnected, match="nobody listens there"):
        world.run(unsafe)
    assert len(world.sent) == 1


def test_every_operation_may_be_repeated() -> None:
    made = [
        operations.publish(Publish("k", 1), "p", wait_s=None, key="i"),
        next(operations.batches([Publish("k", 1)], "p", lambda: "i")),
        operations.delete("k", "p", wait_s=None, key="i"),
        operations.value("k", "p", revision=None),
        operations.values("p", prefix=None, cursor=None),
        operations.register("a", "p", ["n"], {}, wait_s=None, key="i"),
        operations.change("a", "p", ["n"], {}, key="i"),
        operations.unregister("a", "p", key="i"),
        operations.agent("a", "p"),
        operations.agents("p", cursor=None),
        operations.query("q", "p", {}),
        next(operations.queries(["q"], "p", {})),
    ]
    for operation in made:
        assert isinstance(operation, Operation), operation
        request = operation.request
        assert request.repeatable, request
        writes = request.method != "GET" and not request.path.endswith("/query")
        assert (KEY_HEADER in request.headers) is writes, request


GONE = Answer(404, {}, b'{"code": "not-found", "detail": "there is no agent"}')
LEAVING = operations.unregister("a", "p", key="k")


def test_what_is_gone_after_a_lost_answer_is_unregistered() -> None:
    world = World(AWAY, GONE)
    world.run(LEAVING)
    assert len(world.sent) == 2


@pytest.mark.parametrize(
    ("outcomes", "error"),
    [
        ([GONE], NotFound),
        ([AWAY, Answer(404, {}, b"nothing here")], UnexpectedAnswer),
        ([AWAY, problem(409)], Conflict),
    ],
)
def test_what_was_never_there_cannot_be_unregistered(
    outcomes: list[Outcome], error: type[ContexClientError]
) -> None:
    with pytest.raises(error):
        World(*outcomes).run(LEAVING)


def test_reading_what_is_not_there_is_an_error_however_often_it_is_tried() -> None:
    with pytest.raises(NotFound):
        World(AWAY, GONE).run()


def test_a_repeat_carries_the_same_key() -> None:
    made = operations.unregister("a", "p", key="k1")
    world = World(AWAY, problem(503), Answer(202))
    world.run(Operation(made.request, lambda _: Agent("a", "p", 0)))
    assert [one.request.headers[KEY_HEADER] for one in world.sent] == ["k1"] * 3


def test_it_gives_up_after_the_last_retry() -> None:
    world = World(*[AWAY] * 4)
    with pytest.raises(Disconnected):
        world.run(limits=Limits(retries_max=3))
    assert len(world.sent) == 4


def test_no_retry_begins_beyond_the_deadline() -> None:
    world = World(*[AWAY] * 50, takes_s=4.0)
    with pytest.raises(Disconnected):
        world.run(limits=Limits(timeout_s=10.0, retries_max=50))
    assert len(world.sent) == 3, "at 0, 4.15 and 8.45 s"
    assert world.now_s <= 100.0 + 10.0 + 4.0
    assert [round(one.timeout_s, 2) for one in world.sent] == [10.0, 5.85, 1.55]


def test_the_gateway_may_take_as_long_as_it_was_asked_to_wait() -> None:
    request = operations.publish(Publish("k", 1), "p", wait_s=20, key="k").request
    world = World(GOOD)
    world.run(Operation(request, READING.read), Limits(timeout_s=10.0))
    assert world.sent[0].timeout_s == pytest.approx(30.0)
    assert request.headers["Prefer"] == "wait=20"


def test_retry_after_lengthens_the_wait() -> None:
    world = World(problem(503, retry_after="3"), GOOD)
    world.run()
    assert world.waits == [3 + BACKOFF_S_BASE * 0.75]


@pytest.mark.parametrize("asked", ["31", "99999999999999999999"])
def test_a_retry_after_beyond_the_limits_is_the_callers_to_decide(asked: str) -> None:
    world = World(problem(429, retry_after=asked))
    with pytest.raises(Unavailable) as raised:
        world.run()
    assert raised.value.retry_after_s is not None
    assert raised.value.retry_after_s >= 31
    assert world.waits == []


def test_a_wait_of_over_a_minute_is_not_waited_for_whatever_the_deadline() -> None:
    world = World(problem(503, retry_after=str(int(RETRY_AFTER_S_MAX) + 1)))
    with pytest.raises(Unavailable):
        world.run(limits=Limits(timeout_s=600.0))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 10:00:30 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 10:00:00 -0000",
                "date": "Sat, 21 Nov 2026 10:00:30 GMT",
            },
            0.0,
        ),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(Answer(503, headers)) == expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_retry_after_breaks_the_client(text: str, date: str) -> None:
    found = retry_after_s(Answer(503, {"retry-after": text, "date": date}))
    assert found is None or found >= 0


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_random_and_bounded(failures: int, chance: float) -> None:
    wait_s = backoff_s(failures, AWAY, chance)
    whole_s = min(BACKOFF_S_MAX, BACKOFF_S_BASE * 2 ** min(failures, 50))
    assert whole_s / 2 <= wait_s <= whole_s <= BACKOFF_S_MAX


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_the_tries_span_a_restart_of_the_gateway_whatever_the_chances(chance: float) -> None:
    world = World(*[AWAY] * (LIMITS.retries_max + 1))
    with pytest.raises(Disconnected):
        world.run(chance=chance)
    assert world.now_s > 100.0 + 15.0, "of the last try"
    assert world.now_s <= 100.0 + LIMITS.timeout_s


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404, {}, b"<html>not here</html>"), "the answer was 404"),
        (Answer(405, {}, b"[]"), "the answer was 405"),
        (Answer(302, {"location": "https://login.example/"}), "redirected to https://login.exam"),
        (Answer(304), "redirected to elsewhere"),
    ],
    ids=str,
)
def test_another_server_is_told_apart_from_a_gateway(answer: Answer, said: str) -> None:
    error = error_of(answer)
    assert isinstance(error, UnexpectedAnswer)
    assert said in str(error)
    assert "CONTEX_URL" in str(error)


@pytest.mark.parametrize("body", [b"", b"nothing", b'"text"', b"{}", b"[" * 100_000], ids=len)
def test_a_problem_without_a_reason_still_has_its_error(body: bytes) -> None:
    error = error_of(Answer(422, {"x-request-id": "r9"}, body))
    assert isinstance(error, InvalidRequest)
    assert (error.status, error.code, error.request_id) == (422, "invalid-request", "r9")


def test_the_offending_fields_are_named() -> None:
    body = {"code": "invalid-request", "detail": "data_key: wrong", "new": [1],
            "errors": [{"field": "data_key", "message": "wrong", "also": "new"}]}  # fmt: skip
    error = error_of(Answer(422, {}, json.dumps(body).encode()))
    assert [(one.field, one.message) for one in error.fields] == [("data_key", "wrong")]


@given(st.lists(st.sampled_from([AWAY, problem(503), problem(429), GOOD, problem(422)]),
                min_size=30, max_size=30))  # fmt: skip
def test_whatever_happens_a_call_ends_within_its_limits(outcomes: Sequence[Outcome]) -> None:
    world = World(*outcomes, takes_s=1.0)
    limits = Limits(timeout_s=8.0, retries_max=6)
    with contextlib.suppress(InvalidRequest, Unavailable):
        world.run(limits=limits)
    assert len(world.sent) <= limits.retries_max + 1
    assert world.now_s - 100.0 <= limits.timeout_s + 1.0
