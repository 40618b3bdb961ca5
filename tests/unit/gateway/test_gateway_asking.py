"""Queries and lists between HTTP and the library: what is asked, answered and refused."""

import pytest
from memory_log import CODEC, MemoryKnowledge, MemoryLog, services
from pydantic import ValidationError
from query_world import World

from contex.errors import DependencyAway, InvalidValue
from contex.index.types import ValueInfo
from contex.query.ports import QueryPorts
from contex.query.types import Answer, Evidence, Match, Mode, Query, Weights
from contex.records import Exclusion, Scope, ValueKey
from contex.records.publication import Publication, Value
from gateway.asking.answers import query_answer
from gateway.asking.models import QueryRequest
from gateway.operations import query as asking
from gateway.problems import Refusal
from gateway.services import Call, Services
from topology.catalogue import PUBLICATIONS

CALL = Call("t")
SCOPE = Scope("t", "p")


def questions(**said: object) -> list[Query]:
    return list(QueryRequest.model_validate(said).questions())


def test_a_text_is_a_question_with_every_default() -> None:
    assert questions(query="who is on call") == [Query("who is on call")]


def test_exclusions_of_the_request_stand_beside_those_of_each_need() -> None:
    need = {"text": "a", "exclusions": ["b", "c"]}
    first, second = questions(queries=[need, "d"], exclusions=["c", {"text": "e", "threshold": 1}])
    assert first.exclusions == (Exclusion("c"), Exclusion("e", 1.0), Exclusion("b"))
    assert second.exclusions == (Exclusion("c"), Exclusion("e", 1.0))


def test_everything_that_may_be_said_is_passed_on() -> None:
    need = {
        "text": "a",
        "threshold": 0.2,
        "filters": {"team": "sre"},
        "exclusions": ["b", {"text": "c", "threshold": 0.6}],
    }
    (asked,) = questions(
        query=need,
        mode="hybrid",
        weights={"dense": 0.7, "lexical": 0.3},
        top_k=9,
        threshold=0.9,
        max_tokens=77,
        filters={"team": ["sre", "web"], "lang": ["en"]},
        published_after="2026-11-21T10:00:00.5+01:00",
        published_before="2026-11-21T10:00:00Z",
        include_data=False,
    )
    assert asked == Query(
        "a",
        Mode.HYBRID,
        0.2,
        Weights(0.7, 0.3),
        {"team": ("sre",), "lang": ("en",)},
        (Exclusion("b"), Exclusion("c", 0.6)),
        9,
        77,
        1_795_251_600_500,
        1_795_255_200_000,
        include_data=False,
    )


@pytest.mark.parametrize(
    ("need", "expected"),
    [("a", 0.9), ({"text": "a"}, 0.9), ({"text": "a", "threshold": 0.34}, 0.34)],
)
def test_a_needs_own_threshold_wins_if_it_is_said(need: object, expected: float) -> None:
    assert [one.threshold for one in questions(query=need, threshold=0.9)] == [expected]


def test_filters_of_both_that_exclude_each_other_let_nothing_pass() -> None:
    (asked,) = questions(query={"text": "a", "filters": {"x": "1"}}, filters={"x": "2"})
    assert asked.filters == {"x": ()}


def test_several_questions_share_what_is_said_of_all() -> None:
    asked = questions(queries=["a", {"text": "b"}], top_k=2, mode="dense")
    assert [(one.text, one.top_k, one.mode) for one in asked] == [
        ("a", 2, Mode.DENSE),
        ("b", 2, Mode.DENSE),
    ]


@pytest.mark.parametrize("wrong", [{"query": " "}, {"queries": []}, {"query": "a", "top_k": "3"}])
def test_a_wrong_question_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QueryRequest.model_validate(wrong)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": 1}', {"data": {"a": 1}}),
        (b"\xff\x00", {"data_base64": "/wA="}),
        (None, {"data": None}),
    ],
)
def test_a_match_stands_as_an_update_shows_it(content: bytes | None, expected: object) -> None:
    value = None if content is None else Value(content, None, {})
    match = Match(
        key=ValueKey(SCOPE, "a/b c"),
        revision=3,
        score=0.5,
        evidence=Evidence(dense=0.5),
        info=ValueInfo(size_bytes=9),
        tokens=4,
        readable=7,
        value=value,
    )
    shown = query_answer("q", Answer((match,), 2), 1.5, with_data=True).model_dump(
        exclude_unset=True
    )
    (one,) = shown["matches"]
    assert {name: one[name] for name in one if name.startswith("data") and name != "data_key"} == (
        expected
    )
    assert one["scores"] == {"dense": 0.5, "lexical": None}
    by_reference = "/api/v1/projects/p/data/a%2Fb%20c?revision=7"
    assert one["reference"] == (by_reference if value is None else None)
    assert (shown["total_matches"], shown["omitted_total"], shown["took_ms"]) == (3, 2, 1.5)


class Away:
    """Knowledge that is not there."""

    async def ports(self) -> QueryPorts:
        """Say so."""
        raise DependencyAway("no index")


async def test_an_index_that_is_away_is_named_and_nothing_else_is_blamed() -> None:
    away = services(MemoryLog(), knowledge=Away())  # type: ignore[arg-type] # all that is asked of it
    for question in (
        asking.ask(away, CALL, "p", [Query("q")]),
        asking.page(away, CALL, "p", limit=1, cursor=None, prefix=""),
        asking.read_current(away, CALL, "p", "k"),
    ):
        with pytest.raises(Refusal) as refused:
            await question
        assert refused.value.problem.status == 503
        assert "index" in refused.value.problem.detail


def knowing() -> tuple[MemoryLog, World, Services]:
    log, known = MemoryLog(), MemoryKnowledge()
    return log, World(known.index), services(log, knowledge=known)


async def published(log: MemoryLog, world: World, name: str, content: str) -> int:
    key = ValueKey(SCOPE, name)
    record = Publication(key, Value(content.encode()), "event", 1)
    revision = log.append(PUBLICATIONS.name, CODEC.encode(record)).offset
    return await world.publish(name, content, scope=SCOPE, revision=revision)


async def test_the_newest_version_is_the_one_that_was_routed() -> None:
    log, world, here = knowing()
    await published(log, world, "a", "one")
    second = await published(log, world, "a", "two")
    unrouted = Publication(ValueKey(SCOPE, "a"), Value(b"three"), "event", 1)
    log.append(PUBLICATIONS.name, CODEC.encode(unrouted))

    found = await asking.read_current(here, CALL, "p", "a")

    assert (found.revision, found.value.content) == (second, b"two")


async def test_pages_go_on_from_their_cursor_and_no_other() -> None:
    log, world, here = knowing()
    for number in range(5):
        await published(log, world, f"v{number}", "text")
    first = await asking.page(here, CALL, "p", limit=3, cursor=None, prefix="")
    rest = await asking.page(here, CALL, "p", limit=3, cursor=first.after, prefix="")
    listed = [one.key.data_key for one in (*first.values, *rest.values)]
    assert (sorted(listed), rest.after) == ([f"v{number}" for number in range(5)], None)
    everything = [
        one async for some in asking.pages(here, CALL, "p", cursor=None, prefix="v") for one in some
    ]
    assert len(everything) == 5
    for wrong in ("", "AAAA", "é", first.after + "AA" if first.after else ""):
        with pytest.raises(InvalidValue) as refused:
            await asking.page(here, CALL, "p", limit=3, cursor=wrong, prefix="")
        assert refused.value.field == "cursor"
