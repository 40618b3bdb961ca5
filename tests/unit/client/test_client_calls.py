"""Every call of both clients, against a gateway that is made of what it is to answer."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from contex.client import (
    Agent,
    AsyncContex,
    Contex,
    ContexClientError,
    Disconnected,
    Exclusion,
    Failure,
    InvalidRequest,
    Need,
    NotFetched,
    Publish,
    Published,
    Unauthenticated,
    UnexpectedAnswer,
)
from contex.client.configuration import URL
from contex.client.operations import BATCH_BYTES_MAX, BATCH_ITEMS_MAX, QUERIES_MAX

PUBLISHED = {"status": "published", "project_id": "p", "data_key": "k", "revision": 7,
             "sequence": "7", "event_id": "e", "of_tomorrow": {"x": 1}}  # fmt: skip
REGISTERED = {"status": "registered", "agent_id": "a", "project_id": "p", "epoch": 3,
              "cursor": "1:2", "notification_method": "sse", "updates_url": "/u"}  # fmt: skip
AGENT = {"agent_id": "a", "project_id": "p", "epoch": 3, "data_needs": [
    {"text": "t", "threshold": 0.5, "filters": {"team": ["a", "b"], "env": "x"},
     "exclusions": [{"text": "not", "threshold": 1}, {"text": "nor"}]}, {"text": "u"}],
    "token_budget": 9}  # fmt: skip
ITEM = {"data_key": "k", "revision": 7, "score": 1, "data": {"x": 1}, "needs": [
    {"need": "n", "score": 0.5, "threshold": 0.3}], "metadata": {"l": "t"}}  # fmt: skip
MATCH = {**ITEM, "similarity": 1, "scores": {"dense": 0.5, "lexical": 2}, "tokens": 4}


class Gateway:
    """Notes what it is asked and answers in turn."""

    def __init__(self, *answers: httpx.Response | Exception | dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(200, json=answer) if isinstance(answer, dict) else answer

    @property
    def body(self) -> Any:
        return json.loads(self.asked[-1].content)


Call = Callable[[Any], Any]


def blocking(gateway: Gateway, call: Call, **options: Any) -> Any:
    with Contex(
        "http://g/base/", project="p", transport=httpx.MockTransport(gateway), **options
    ) as client:
        result = call(client)
        return list(result) if isinstance(result, Iterator) else result


def awaited(gateway: Gateway, call: Call, **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncContex(
            "http://g/base/", project="p", transport=httpx.MockTransport(gateway), **options
        ) as client:
            result: Awaitable[Any] | AsyncIterator[Any] = call(client)
            if isinstance(result, AsyncIterator):
                return [one async for one in result]
            return await result

    return asyncio.run(run())


@pytest.fixture(params=[blocking, awaited], ids=["Contex", "AsyncContex"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a call with either client."""
    chosen: Callable[..., Any] = request.param
    return chosen


def test_both_clients_have_the_same_calls() -> None:
    def calls(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(client).items()
            if inspect.isfunction(member) and not name.startswith("_")
        }

    assert calls(Contex) == calls(AsyncContex)


def test_publish(run: Any) -> None:
    gateway = Gateway(PUBLISHED)
    found = run(gateway, lambda client: client.publish(
        "k", "a: 1\u2028", data_format="yaml", event_type="e", metadata={"l": "t"}))  # fmt: skip
    assert found == Published("p", "k", 7, "e")
    [asked] = gateway.asked
    assert (asked.method, str(asked.url)) == ("POST", "http://g/base/api/v1/data/publish")
    assert gateway.body == {"project_id": "p", "data_key": "k", "data": "a: 1\u2028",
                            "data_format": "yaml", "event_type": "e",
                            "metadata": {"l": "t"}}  # fmt: skip
    assert asked.headers["content-type"] == "application/json"
    assert len(asked.headers["idempotency-key"]) >= 32
    assert asked.headers["user-agent"].startswith("contex-python/")
    assert "authorization" not in asked.headers
    assert "prefer" not in asked.headers


@pytest.mark.parametrize("data", [None, 0, False, "", [], {"x": [1, 2.5, None]}, 2**80, "é"])
def test_any_json_is_published_as_it_is(run: Any, data: object) -> None:
    gateway = Gateway(PUBLISHED)
    run(gateway, lambda client: client.publish("k", data))
    assert gateway.body == {"project_id": "p", "data_key": "k", "data": data}


def test_bytes_are_published_as_text(run: Any) -> None:
    gateway = Gateway(PUBLISHED)
    run(gateway, lambda client: client.publish("k", "é".encode()))
    assert gateway.body["data"] == "é"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda client: client.publish("k", b"\xff"), "data"),
        (lambda client: client.publish("k", {1, 2}), "data"),
        (lambda client: client.publish("k", float("nan")), "data"),
        (lambda client: client.publish("", 1), "data_key"),
        (lambda client: client.publish("k\n", 1), "data_key"),
        (lambda client: client.publish("k", 1, project="a/b"), "project"),
        (lambda client: client.publish("k", 1, wait_s=-1), "wait_s"),
        (lambda client: client.register("a b", ["n"]), "agent_id"),
        (lambda client: client.register("a", "a text alone"), "needs"),
        (lambda client: client.change("a"), "needs"),
        (lambda client: client.agent("../../health"), "agent_id"),
        (lambda client: client.publish("k", 1, idempotency_key="é"), "idempotency_key"),
        (lambda client: client.publish("k", 1, idempotency_key="a\r\nX: b"), "idempotency_key"),
        (lambda client: client.delete("k", idempotency_key="k" * 256), "idempotency_key"),
        (lambda client: client.register("a", ["n"], idempotency_key="a b"), "idempotency_key"),
        (lambda client: client.values(prefix="\ud800"), "prefix"),
        (lambda client: client.values(prefix=5), "prefix"),
        (lambda client: client.publish(5, 1), "data_key"),
        (lambda client: client.publish("k", 1, project=5), "project"),
        (lambda client: client.publish("k", 1, metadata=["team"]), "metadata"),
        (lambda client: client.publish("k", 1, metadata={"team": "\ud800"}), "metadata"),
        (lambda client: client.publish("k", 1, wait_s="5"), "wait_s"),
        (lambda client: client.publish("k", 1, idempotency_key=5), "idempotency_key"),
        (lambda client: client.publish("k", 1, idempotency_key=""), "idempotency_key"),
        (lambda client: client.publish_many([("k", 1)]), "items"),
        (lambda client: client.register("a", Need("n")), "needs"),
        (lambda client: client.register("a", ["n", None]), "needs[1]"),
        (lambda client: client.query(["a"]), "query"),
        (lambda client: client.query("q", threshold=float("nan")), "threshold"),
        (lambda client: client.query("q", filters=["team"]), "filters"),
        (lambda client: client.query_many("a text alone"), "queries"),
        (lambda client: client.unregister("a", project=""), "project"),
    ],
)
def test_what_is_seen_to_be_wrong_is_not_sent(run: Any, call: Call, field: str) -> None:
    gateway = Gateway()
    with pytest.raises(InvalidRequest) as raised:
        run(gateway, call)
    assert [one.field for one in raised.value.fields] == [field]
    assert gateway.asked == []


def test_a_wait_is_asked_for_and_the_outcome_told(run: Any) -> None:
    outcome = {"outcome": "routed", "agents_told": 2, "told": {"matched": 2}}
    replayed = httpx.Response(
        200, json=PUBLISHED | outcome, headers={"Idempotency-Replayed": "true"}
    )
    gateway = Gateway(replayed)
    found = run(gateway, lambda client: client.publish("k", 1, wait_s=1.2, idempotency_key="mine"))
    assert (found.outcome, found.agents_told, found.told) == ("routed", 2, {"matched": 2})
    assert found.replayed
    assert gateway.asked[0].headers["prefer"] == "wait=2"
    assert gateway.asked[0].headers["idempotency-key"] == "mine"


def test_many_are_published_in_as_few_requests_as_may_be(run: Any) -> None:
    def answer(n: int) -> dict[str, Any]:
        return {"results": [{**PUBLISHED, "status": "success"}] * n}

    failed = {"status": "failed", "project_id": "p", "data_key": "x",
              "error": {"code": "c", "detail": "d",
                        "errors": [{"field": "f", "message": "m"}]}}  # fmt: skip
    gateway = Gateway(answer(BATCH_ITEMS_MAX), {"results": [failed]})
    items = [Publish(f"k{n}", n) for n in range(BATCH_ITEMS_MAX + 1)]
    found = run(gateway, lambda client: client.publish_many(iter(items)))
    assert [len(json.loads(one.content)) for one in gateway.asked] == [BATCH_ITEMS_MAX, 1]
    assert str(gateway.asked[0].url).endswith("/api/v1/batch/publish")
    keys = {one.headers["idempotency-key"] for one in gateway.asked}
    assert len(keys) == 2
    assert found[0] == Published("p", "k", 7, "e", status="published")
    assert isinstance(found[-1], Failure)
    assert (found[-1].code, found[-1].fields[0].field) == ("c", "f")


def test_a_request_that_fails_keeps_the_answers_before_it(run: Any) -> None:
    gateway = Gateway({"results": [{**PUBLISHED, "status": "success"}] * BATCH_ITEMS_MAX}, {})
    items = [Publish("k", n) for n in range(BATCH_ITEMS_MAX + 1)]
    with pytest.raises(UnexpectedAnswer) as raised:
        run(gateway, lambda client: client.publish_many(items))
    assert [type(one) for one in raised.value.answered] == [Published] * BATCH_ITEMS_MAX


def test_a_batch_keeps_within_the_gateways_bytes(run: Any) -> None:
    sizes = [900_000] * 10
    gateway = Gateway(*[{"results": [{**PUBLISHED, "status": "success"}] * n} for n in (9, 1)])
    run(gateway, lambda client: client.publish_many(Publish("k", "x" * n) for n in sizes))
    assert [len(one.content) < BATCH_BYTES_MAX for one in gateway.asked] == [True, True]


def test_a_batch_that_is_answered_in_part_is_no_answer(run: Any) -> None:
    gateway = Gateway({"results": []})
    with pytest.raises(UnexpectedAnswer, match="1 values were sent, 0 answered"):
        run(gateway, lambda client: client.publish_many([Publish("k", 1)]))


def test_a_bad_one_of_many_is_a_failure_in_its_place_and_the_rest_is_sent(run: Any) -> None:
    items = [Publish("\0", 0), Publish("a", 1), Publish("bad", b"\xff"), Publish("", 1, "q"),
             Publish("x", 1, "no/"), Publish("huge", "x" * BATCH_BYTES_MAX),
             Publish("b", 2)]  # fmt: skip
    gateway = Gateway({"results": [{**PUBLISHED, "status": "success"}] * 2})
    found = run(gateway, lambda client: client.publish_many(items))
    sent = [[one["data_key"] for one in json.loads(asked.content)] for asked in gateway.asked]
    assert sent == [["a", "b"]]
    assert [type(one) for one in found] == [Failure, Published, *[Failure] * 4, Published]
    told = [(one.project_id, one.data_key, one.code, one.fields[0].field) for one in found[2:6]]
    assert told == [
        ("p", "bad", "invalid-request", "data"),
        ("q", "", "invalid-request", "data_key"),
        ("no/", "x", "invalid-request", "project"),
        ("p", "huge", "invalid-request", "data"),
    ]


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"timeout_s": None}, "timeout_s"),
        ({"timeout_s": -1.0}, "timeout_s"),
        ({"timeout_s": float("inf")}, "timeout_s"),
        ({"retries_max": -1}, "retries_max"),
        ({"retries_max": 1.5}, "retries_max"),
    ],
)
def test_limits_that_are_none_are_refused(run: Any, limits: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        run(Gateway(), lambda client: client.agent("a"), **limits)


def test_no_empty_request_is_sent_for_bad_ones(run: Any) -> None:
    good, bad = [Publish("k", 1)] * BATCH_ITEMS_MAX, [Publish("", 1)]
    gateway = Gateway({"results": [{**PUBLISHED, "status": "success"}] * BATCH_ITEMS_MAX})
    found = run(gateway, lambda client: client.publish_many([*bad, *good, *bad]))
    assert len(gateway.asked) == 1
    assert [isinstance(one, Failure) for one in found] == [True, *[False] * BATCH_ITEMS_MAX, True]


def test_delete_names_the_key_in_one_segment(run: Any) -> None:
    gateway = Gateway(PUBLISHED, PUBLISHED)
    run(gateway, lambda client: client.delete("a/../é%2F?"))
    run(gateway, lambda client: client.delete(".."))
    assert [one.url.raw_path for one in gateway.asked] == [
        b"/base/api/v1/projects/p/data/a%2F..%2F%C3%A9%252F%3F",
        b"/base/api/v1/projects/p/data/%2E%2E",
    ]
    assert {one.method for one in gateway.asked} == {"DELETE"}


def test_a_value_is_read_with_its_revision(run: Any) -> None:
    answer = httpx.Response(200, content=b"a: 1", headers={
        "ETag": '"12"', "Content-Type": "application/yaml"})  # fmt: skip
    gateway = Gateway(answer)
    value = run(gateway, lambda client: client.value("k", revision=12))
    assert (value.revision, value.content, value.content_type, value.data) == (
        12, b"a: 1", "application/yaml", "a: 1")  # fmt: skip
    assert gateway.asked[0].url.query == b"revision=12"


@pytest.mark.parametrize(
    ("content", "content_type", "data"),
    [
        (b'{"a":1}', "application/json", {"a": 1}),
        (b'{"a":1}', "application/octet-stream", {"a": 1}),
        (b"plain", "application/octet-stream", "plain"),
        (b"\xff\x00", "application/octet-stream", b"\xff\x00"),
    ],
)
def test_a_values_data_is_what_updates_would_have(
    run: Any, content: bytes, content_type: str, data: object
) -> None:
    headers = {"ETag": '"1"', "Content-Type": content_type}
    gateway = Gateway(httpx.Response(200, content=content, headers=headers))
    assert run(gateway, lambda client: client.value("k")).data == data
    assert gateway.asked[0].url.query == b""


def test_listings_are_read_page_by_page(run: Any) -> None:
    pages: list[dict[str, Any]] = [
        {"values": [{"data_key": "a", "revision": 1, "size_bytes": 5}], "next_cursor": "c 1"},
        {"values": [{"data_key": "b", "revision": 2}], "next_cursor": None},
    ]
    gateway = Gateway(*pages)
    found = run(gateway, lambda client: client.values(prefix="x/"))
    assert [(one.project_id, one.data_key, one.size_bytes) for one in found] == [
        ("p", "a", 5), ("p", "b", 0)]  # fmt: skip
    assert [dict(one.url.params) for one in gateway.asked] == [
        {"limit": "500", "prefix": "x/"},
        {"limit": "500", "prefix": "x/", "cursor": "c 1"},
    ]
    gateway = Gateway({"agents": [AGENT], "next_cursor": "n"}, {"agents": [AGENT]})
    assert len(run(gateway, lambda client: client.agents())) == 2


def test_register(run: Any) -> None:
    need = Need("t", 0.5, {"team": ("a", "b")}, (Exclusion("old", 0.5),))
    gateway = Gateway({**REGISTERED, "webhook_secret": "whsec_x"})
    found = run(gateway, lambda client: client.register(
        "a", ["n", need], webhook_url="http://h/", token_budget=5, wait_s=2))  # fmt: skip
    assert gateway.body == {
        "agent_id": "a", "project_id": "p", "notification_method": "webhook",
        "webhook_url": "http://h/", "token_budget": 5, "data_needs": ["n", {
            "text": "t", "threshold": 0.5, "filters": {"team": ["a", "b"]},
            "exclusions": [{"text": "old", "threshold": 0.5}]}]}  # fmt: skip
    assert (found.epoch, found.cursor, found.webhook_secret) == (3, "1:2", "whsec_x")
    assert "whsec_x" not in repr(found)


@pytest.mark.parametrize("exclusions", ["old", ["old"], ("old",), (Exclusion("old"),)], ids=repr)
def test_an_exclusion_may_be_a_text(run: Any, exclusions: Any) -> None:
    need = Need("t", exclusions=exclusions)
    assert need == Need("t", exclusions=(Exclusion("old"),))
    said = [{"text": "old", "threshold": 0.25}]
    gateway = Gateway(REGISTERED, {"query": "t", "matches": []})
    run(gateway, lambda client: client.register("a", [need]))
    assert gateway.body["data_needs"][0]["exclusions"] == said
    run(gateway, lambda client: client.query(need))
    assert gateway.body["query"]["exclusions"] == said


def test_change_says_only_what_changes(run: Any) -> None:
    gateway = Gateway(REGISTERED)
    run(gateway, lambda client: client.change("a", token_budget=7))
    [asked] = gateway.asked
    assert (asked.method, asked.url.query, gateway.body) == (
        "PATCH", b"project_id=p", {"token_budget": 7})  # fmt: skip


def test_an_agent_is_shown_with_its_needs(run: Any) -> None:
    found = run(Gateway(AGENT), lambda client: client.agent("a"))
    filters = {"team": ("a", "b"), "env": ("x",)}
    needs = (Need("t", 0.5, filters, (Exclusion("not", 1.0), Exclusion("nor"))), Need("u"))
    assert found == Agent("a", "p", 3, needs, token_budget=9)


def test_unregister(run: Any) -> None:
    gateway = Gateway({"status": "unregistered"})
    run(gateway, lambda client: client.unregister("a", project="other"))
    assert gateway.asked[0].method == "DELETE"
    assert gateway.asked[0].url.query == b"project_id=other"


def test_query(run: Any) -> None:
    gateway = Gateway({"query": "q", "matches": [MATCH], "total_matches": 3, "took_ms": 1.5})
    found = run(gateway, lambda client: client.query(
        "q", mode="hybrid", top_k=3, filters={"team": ("a", "b")}, include_data=True,
        exclusions=["old", Exclusion("new", 0.5)]))  # fmt: skip
    assert gateway.body == {"query": "q", "mode": "hybrid", "top_k": 3, "include_data": True,
                            "filters": {"team": ["a", "b"]}, "exclusions": [
                                {"text": "old", "threshold": 0.25},
                                {"text": "new", "threshold": 0.5}]}  # fmt: skip
    [match] = found.matches
    assert (found.total_matches, match.score, match.scores, match.data, match.tokens) == (
        3, 1.0, {"dense": 0.5, "lexical": 2.0}, {"x": 1}, 4)  # fmt: skip


def test_many_queries_go_together(run: Any) -> None:
    gateway = Gateway({"results": [{"query": "q"}] * QUERIES_MAX}, {"results": [{"query": "r"}]})
    asked = ["q"] * (QUERIES_MAX + 1)
    found = run(gateway, lambda client: client.query_many(asked, top_k=1))
    assert [one.query for one in found] == ["q"] * QUERIES_MAX + ["r"]
    assert gateway.body == {"queries": ["q"], "top_k": 1}


REFERRED = {**MATCH, "data": None, "reference": "http://elsewhere/steal", "content_type": None}


def test_a_reference_is_fetched_by_its_revision_and_once() -> None:
    value = httpx.Response(200, content=b'{"big": true}', headers={"ETag": '"7"'})
    gateway = Gateway({"matches": [REFERRED]}, value)
    match = blocking(gateway, lambda client: client.query("q")).matches[0]
    with Contex("http://g", transport=httpx.MockTransport(gateway)) as client:
        match.body.fetch = client.fetch
        assert [match.data, match.data] == [{"big": True}] * 2
    assert [str(one.url) for one in gateway.asked[1:]] == [
        "http://g/api/v1/projects/p/data/k?revision=7"]  # fmt: skip


async def test_what_is_awaited_is_fetched_by_name() -> None:
    value = httpx.Response(200, content=b'{"big": true}', headers={"ETag": '"7"'})
    gateway = Gateway({"matches": [REFERRED]}, value)
    async with AsyncContex(
        "http://g", project="p", transport=httpx.MockTransport(gateway)
    ) as client:
        match = (await client.query("q")).matches[0]
        with pytest.raises(NotFetched, match=r"await client\.fetch"):
            _ = match.data
        assert await client.fetch(match) == {"big": True} == match.data == await client.fetch(match)
    assert len(gateway.asked) == 2


def test_a_passing_failure_is_repeated_with_the_same_key(run: Any) -> None:
    gateway = Gateway(httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), PUBLISHED)
    assert run(gateway, lambda client: client.publish("k", 1)).revision == 7
    assert len({one.headers["idempotency-key"] for one in gateway.asked}) == 1


def test_nobody_there_is_told_with_the_next_step(run: Any) -> None:
    gateway = Gateway(httpx.ConnectError("refused"))
    with pytest.raises(Disconnected, match=r"http://g/base cannot be reached .refused.*CONTEX_URL"):
        run(gateway, lambda client: client.agent("a"), retries_max=0)


def test_an_answer_that_never_ends_is_cut_off(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contex.client.exchanging.ANSWER_BYTES_MAX", 1000)
    with pytest.raises(UnexpectedAnswer, match="over 1000 bytes"):
        run(Gateway({"agent_id": "x" * 1000}), lambda client: client.agent("a"))


def test_an_answer_without_what_it_must_have_is_none(run: Any) -> None:
    for answer in ({}, {**AGENT, "epoch": "3"}, {**AGENT, "epoch": True}):
        with pytest.raises(UnexpectedAnswer, match="has no"):
            run(Gateway(answer), lambda client: client.agent("a"))
    with pytest.raises(UnexpectedAnswer, match="no JSON"):
        run(Gateway(httpx.Response(200, text="<html>")), lambda client: client.agent("a"))


def test_the_key_is_sent_and_never_shown(run: Any) -> None:
    gateway = Gateway(httpx.Response(401, json={"code": "unauthenticated", "detail": "no"}))
    with pytest.raises(Unauthenticated) as raised:
        run(gateway, lambda client: client.agent("a"), api_key="s3cret-key")
    assert gateway.asked[0].headers["authorization"] == "Bearer s3cret-key"
    assert "s3cret" not in str(raised.value) + repr(raised.value)


def test_the_environment_says_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_URL", "https://env:1")
    monkeypatch.setenv("CONTEX_API_KEY", "from-env")
    monkeypatch.setenv("CONTEX_PROJECT", "env-project")
    gateway = Gateway(PUBLISHED)
    with Contex(transport=httpx.MockTransport(gateway)) as client:
        assert (client.url, client.project) == ("https://env:1", "env-project")
        client.publish("k", 1)
    assert gateway.body["project_id"] == "env-project"
    assert gateway.asked[0].headers["authorization"] == "Bearer from-env"


def test_without_a_project_it_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTEX_PROJECT", raising=False)
    with (
        Contex("http://g", transport=httpx.MockTransport(Gateway())) as client,
        pytest.raises(InvalidRequest, match="CONTEX_PROJECT"),
    ):
        client.publish("k", 1)


@pytest.mark.parametrize(
    "url", ["ftp://h", "h", "h:x", "http://", "http://h:99999", "http://h?x=1", "http://[", "//h"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="url: must be http"):
        Contex(url)


@pytest.mark.parametrize(
    ("url", "meant"),
    [("localhost:8000", "http://localhost:8000"), ("10.0.0.1:80/x/", "http://10.0.0.1:80/x")],
)
def test_a_host_and_a_port_are_a_url(url: str, meant: str) -> None:
    with Contex(url) as client:
        assert client.url == meant
    assert str(URL.kind.parse(url)).startswith(meant), "the settings must not call it wrong"


def test_a_password_in_the_url_is_not_repeated_when_nobody_answers() -> None:
    transport = httpx.MockTransport(Gateway(httpx.ConnectError("refused")))
    with (
        Contex("http://user:hunter2@g", project="p", retries_max=0, transport=transport) as client,
        pytest.raises(Disconnected, match="@g cannot be reached") as raised,
    ):
        client.publish("k", 1)
    assert "hunter2" not in str(raised.value)


def test_a_password_in_a_wrong_url_is_not_repeated() -> None:
    with pytest.raises(ContexClientError) as raised:
        Contex("ftp://user:p4ss@h")
    assert "p4ss" not in str(raised.value)
