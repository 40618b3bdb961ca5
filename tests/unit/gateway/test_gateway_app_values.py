"""Values over HTTP: what is published, read, listed, and known by its ETag."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from gateway_app import API, Gateway, serving
from memory_log import MemoryLog

from contex.errors import DependencyAway, InvalidRecord
from contex.records.message import Received
from gateway import limits
from gateway.handlers import query as handling
from gateway.identity import StaticIdentity
from topology.catalogue import PUBLICATIONS


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


async def test_a_value_is_read_as_it_was_published_and_revisions_for_ever() -> None:
    async with serving() as gateway:
        first = await gateway.publish_routed("notes/a b", "one")
        second = await gateway.publish_routed("notes/a b", "two")
        newest = await gateway.get("/projects/p/data/notes%2Fa%20b")
        older = await gateway.get(f"/projects/p/data/notes/a%20b?revision={first}")
    assert (newest.status, newest.body, newest.headers["ETag"]) == (200, b"two", f'"{second}"')
    assert newest.headers["Cache-Control"] == "private, no-cache"
    assert (older.status, older.body, older.headers["ETag"]) == (200, b"one", f'"{first}"')
    assert older.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert newest.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b"
    assert newest.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ('"{}"', 304),
        ('W/"{}"', 304),
        ('"0000", W/"{}"', 304),
        ("*", 304),
        ('"{}0"', 200),
        ("{}", 200),
        ('"W/{}"', 200),
        ("", 200),
    ],
)
async def test_who_has_a_revision_is_not_sent_it_again(known: str, status: int) -> None:
    async with serving() as gateway:
        revision = await gateway.publish_routed("k", "x" * 5_000)
        for query in ("", f"?revision={revision}"):
            answer = await gateway.get(
                f"/projects/p/data/k{query}", If_None_Match=known.format(revision)
            )
            assert (answer.status, answer.headers["ETag"]) == (status, f'"{revision}"')
            assert len(answer.body) == (0 if status == 304 else 5_000)
            assert "Content-Encoding" not in answer.headers
            assert "Cache-Control" in answer.headers


async def test_a_new_version_makes_the_known_one_stale() -> None:
    async with serving() as gateway:
        first = await gateway.publish_routed("k", "one")
        await gateway.publish_routed("k", "two")
        answer = await gateway.get("/projects/p/data/k", If_None_Match=f'"{first}"')
    assert (answer.status, answer.body) == (200, b"two")


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("html", "text/html"),
        ("json", "application/json"),
        (None, "application/octet-stream"),
    ],
)
async def test_bytes_are_never_taken_for_a_page(declared: str | None, sent: str) -> None:
    async with serving() as gateway:
        said = {"project_id": "p", "data_key": "k", "data": '{"a": "<script>"}'}
        if declared == "json":
            said["data_format"] = "json"
        answer = await gateway.ask("POST", f"{API}/data/publish", said)
        found = await gateway.get(f"/projects/p/data/k?revision={answer.json['revision']}")
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Content-Disposition"].startswith("attachment")
    if declared != "html":
        assert found.headers["Content-Type"] == sent


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/projects/p/data/absent", 404, None),
        ("/projects/p/data/k?revision=999", 404, None),
        ("/projects/p/data/k?revision=-1", 422, "revision"),
        ("/projects/p/data/k?revision=x", 422, "revision"),
        ("/projects/p/data/k?revision=1&revision=2", 422, "revision"),
        ("/projects/p/data/k?version=1", 422, "version"),
        ("/projects/a%2Fb/data/k", 422, "project_id"),
        ("/projects/p/data/%00", 422, "data_key"),
        ("/projects/p/data/%ff", 422, "data_key"),
        ("/projects/p/data/a%20b%3Fc%23d%25", 404, None),
        ("/projects/p/data/" + "k" * 513, 422, "data_key"),
    ],
)
async def test_what_is_not_there_and_what_is_no_name_are_told_apart(
    path: str, status: int, field: str | None
) -> None:
    async with serving() as gateway:
        await gateway.publish_routed("k", 1)
        answer = await gateway.get(path)
    assert answer.status == status, answer.body
    if field is not None:
        assert answer.fields == [field]


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("a%20b%3Fc%23d", "a%20b%3Fc%23d"),
        ("%C3%A9/%2F%ff", "%C3%A9/%2F%ff"),
        ('a|b"<>', "a%7Cb%22%3C%3E"),
        ("50%", "50%25"),
        ("(a+b)=c,@:~", "(a+b)=c,@:~"),
    ],
)
async def test_a_problem_names_the_path_as_a_uri(path: str, instance: str) -> None:
    async with serving() as gateway:
        answer = await gateway.get(f"/projects/p/data/{path}")
    assert answer.json["instance"] == f"{API}/projects/p/data/{instance}"


async def test_the_revision_of_another_key_is_nobodys() -> None:
    """A revision is a place in the log: it answers for the key that stands there alone."""
    async with serving() as gateway:
        revision = (await gateway.publish("mine", "one")).json["revision"]
        found = [
            (await gateway.get(f"/projects/{project}/data/{key}?revision={revision}")).status
            for project, key in (("p", "mine"), ("q", "mine"), ("p", "yours"))
        ]
    assert found == [200, 404, 404]


async def test_a_tenant_sees_nothing_of_another() -> None:
    async with serving(StaticIdentity("t")) as theirs:
        revision = await theirs.publish_routed("secret", "one")
        await theirs.register("spy")
        async with serving(StaticIdentity("u"), log=theirs.log) as ours:
            ours.house.known.world = theirs.house.world  # one log and one index for both
            for path in (
                "/projects/p/data/secret",
                f"/projects/p/data/secret?revision={revision}",
                "/agents/spy",
                "/agents/spy?project_id=p",
                "/agents/spy/updates",
            ):
                assert (await ours.get(path)).status == 404, path
            assert (await ours.get("/projects/p/data")).json["values"] == []
            assert (await ours.get("/agents")).json["agents"] == []
            asked = await ours.ask("POST", f"{API}/projects/p/query", {"query": "one"})
            assert asked.json["matches"] == []
            assert (await ours.ask("DELETE", f"{API}/agents/spy")).status == 404


async def test_one_key_of_idempotency_is_another_in_another_tenant() -> None:
    log = MemoryLog()
    async with (
        serving(StaticIdentity("t"), log=log) as first,
        serving(StaticIdentity("u"), log=log) as second,
    ):
        second.house.memory = first.house.memory  # as one process with two tenants would
        answers = [
            await gateway.publish("k", data, Idempotency_Key="same")
            for gateway, data in ((first, 1), (second, 2), (first, 1))
        ]
    assert [one.status for one in answers] == [202] * 3
    assert ["Idempotency-Replayed" in one.headers for one in answers] == [False, False, True]
    ids = [one.json["event_id"] for one in answers]
    assert ids[0] == ids[2] != ids[1]
    assert first.written() == 2


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/data/publish", {"project_id": "p", "data_key": "k", "data": 2}),
        ("POST", "/data/publish?", {"project_id": "p", "data_key": "k", "data": 1}),
        ("DELETE", "/projects/p/data/k", None),
        ("POST", "/batch/publish", [{"project_id": "p", "data_key": "k", "data": 1}]),
    ],
)
async def test_a_key_stands_for_one_request(method: str, path: str, said: object) -> None:
    async with serving() as gateway:
        await gateway.publish("k", 1, Idempotency_Key="same")
        answer = await gateway.ask(method, API + path, said, Idempotency_Key="same")
        replayed = answer.headers.get("Idempotency-Replayed")
    if path.endswith("?"):  # an empty query is none
        assert (answer.status, replayed) in {(202, "true"), (422, None)}
    else:
        assert (answer.status, answer.json["code"]) == (422, "idempotency-key-reused")
    assert gateway.written() == 1


async def test_a_refused_request_uses_no_key_up() -> None:
    async with serving() as gateway:
        wrong = await gateway.publish("k\n", 1, Idempotency_Key="same")
        right = await gateway.publish("k", 1, Idempotency_Key="same")
    assert (wrong.status, right.status) == (422, 202)


async def test_repeats_at_once_write_one_record() -> None:
    async with serving() as gateway:
        answers = await asyncio.gather(
            *(gateway.publish("k", 1, Idempotency_Key="same") for _ in range(20))
        )
    assert {one.body for one in answers} == {answers[0].body}
    assert sum("Idempotency-Replayed" in one.headers for one in answers) == 19
    assert gateway.written() == 1


async def publish_some(gateway: Gateway, count: int) -> list[str]:
    keys = [f"team/{number:03}" for number in range(count)]
    for key in keys:
        await gateway.publish_routed(key, f"about {key}")
    return keys


async def test_pages_tell_every_value_once() -> None:
    async with serving() as gateway:
        keys = await publish_some(gateway, 7)
        await gateway.publish_routed("other", 1)
        found: list[str] = []
        cursor = ""
        while True:
            page = (await gateway.get(f"/projects/p/data?limit=3&prefix=team/{cursor}")).json
            assert page["count"] == len(page["values"]) <= 3
            found += [one["data_key"] for one in page["values"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
    assert sorted(found) == keys


@pytest.mark.parametrize(
    ("accept", "streamed"),
    [
        ("application/x-ndjson", True),
        ("text/html, application/x-ndjson;q=0.5", True),
        ("application/json", False),
        ("*/*", False),
        ("application/x-ndjsonx", False),
        ("application/x-ndjson;q=0", False),
        ("application/x-ndjson;q=0.5, application/json", False),
        ("application/json, application/x-ndjson", False),
        ("application/json;q=0.1, Application/X-NDJSON; charset=utf-8; q=0.2", True),
        ("application/json; q=0.3, application/x-ndjson; q=0.2", False),
        ("application/x-ndjson; q=never", False),
    ],
)
async def test_all_values_are_streamed_to_who_reads_lines(accept: str, *, streamed: bool) -> None:
    async with serving() as gateway:
        keys = await publish_some(gateway, 5)
        answer = await gateway.get("/projects/p/data", Accept=accept, Accept_Encoding="gzip")
    assert (answer.headers["Content-Type"] == "application/x-ndjson") == streamed
    assert "Content-Encoding" not in answer.headers
    values = lines(answer.body) if streamed else answer.json["values"]
    assert sorted(one["data_key"] for one in values) == keys


@pytest.mark.parametrize(
    "error", [DependencyAway("away"), InvalidRecord("a bad point"), RuntimeError("a bug")]
)
async def test_a_stream_of_values_that_breaks_is_never_taken_for_whole(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.operations.query.LIST_PAGE_VALUES", 2)
    async with serving() as gateway:
        await publish_some(gateway, 5)
        gateway.house.known.failures = [None, error]
        with pytest.raises(aiohttp.ClientError):
            await gateway.get("/projects/p/data", Accept="application/x-ndjson")
        again = await gateway.get("/projects/p/data", Accept="application/x-ndjson")
    assert len(lines(again.body)) == 5


async def test_a_stream_of_values_that_cannot_begin_is_a_problem() -> None:
    async with serving() as gateway:
        gateway.house.known.failures = [DependencyAway("away")]
        answer = await gateway.get("/projects/p/data", Accept="application/x-ndjson")
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert "index" in answer.json["detail"]


async def test_who_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(handling, "STREAM_WRITE_TIMEOUT_S", 0.05)
    monkeypatch.setattr("aiohttp.web.StreamResponse.write", never)
    async with serving() as gateway:
        await publish_some(gateway, 1)
        with pytest.raises(aiohttp.ClientError):
            await gateway.get("/projects/p/data", Accept="application/x-ndjson")


async def test_an_empty_project_has_no_lines_and_no_values() -> None:
    async with serving() as gateway:
        page = await gateway.get("/projects/p/data")
        streamed = await gateway.get("/projects/p/data", Accept="application/x-ndjson")
    assert page.json == {"values": [], "count": 0, "next_cursor": None}
    assert (streamed.status, streamed.body) == (200, b"")


async def test_a_deleted_value_is_accepted_whether_or_not_it_was_there() -> None:
    async with serving() as gateway:
        answer = await gateway.ask("DELETE", f"{API}/projects/p/data/a%2Fb")
        again = await gateway.ask("DELETE", f"{API}/projects/p/data/a/b")
    assert [one.status for one in (answer, again)] == [202, 202]
    assert (answer.json["status"], answer.json["data_key"]) == ("deleted", "a/b")
    assert again.json["revision"] == answer.json["revision"] + 1


async def test_a_query_is_answered_and_counted() -> None:
    async with serving() as gateway:
        await gateway.publish_routed("coffee", "the coffee grinder is broken")
        await gateway.publish_routed("tea", "a kettle for tea")
        one = await gateway.ask(
            "POST", f"{API}/projects/p/query", {"query": "coffee grinder", "threshold": 0.1}
        )
        many = await gateway.ask(
            "POST",
            f"{API}/projects/p/query",
            {"queries": ["coffee grinder", "kettle"], "include_data": False, "threshold": 0.1},
        )
    first = one.json["matches"][0]
    assert (first["data_key"], first["data"]) == ("coffee", "the coffee grinder is broken")
    assert first["similarity"] == first["score"]
    assert [one["query"] for one in many.json["results"]] == ["coffee grinder", "kettle"]
    assert [each["matches"][0]["data_key"] for each in many.json["results"]] == ["coffee", "tea"]
    assert {match["data"] for each in many.json["results"] for match in each["matches"]} == {None}


async def test_large_answers_are_compressed_and_their_etag_still_counts() -> None:
    async with serving() as gateway:
        plain = await gateway.ask("GET", "/openapi.json", Accept_Encoding="identity")
        small = await gateway.ask("GET", "/openapi.json", Accept_Encoding="gzip")
        assert gzip.decompress(small.body) == plain.body
        assert small.headers["ETag"] == f"W/{plain.headers['ETag']}"
        for known in (plain.headers["ETag"], small.headers["ETag"]):
            again = await gateway.ask(
                "GET", "/openapi.json", Accept_Encoding="gzip", If_None_Match=known
            )
            assert (again.status, again.body) == (304, b"")
            assert again.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
            assert "Content-Encoding" not in again.headers


async def test_a_body_that_is_too_large_or_no_json_writes_nothing() -> None:
    async with serving() as gateway:
        path = f"{API}/data/publish"
        large = b'"' + b"x" * limits.BODY_BYTES_MAX + b'"'
        refused = [
            await gateway.ask("POST", path, body=large),
            await gateway.ask("POST", path, body=b"{", Content_Type="application/json"),
            await gateway.ask("POST", path, body=b"{}", Content_Type="text/plain"),
            await gateway.ask("POST", path, body=b"[]"),
            await gateway.ask("POST", path, body=b"\xff"),
            await gateway.ask("POST", path, body=gzip.compress(b"{}"), Content_Encoding="gzip"),
        ]
    assert [one.status for one in refused] == [413, 400, 415, 422, 400, 415]
    assert all(one.headers["Content-Type"] == "application/problem+json" for one in refused)
    assert gateway.written(PUBLICATIONS.name) == 0


async def test_a_body_without_a_length_has_the_same_bound() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * limits.BODY_BYTES_MAX // 65_536):
            yield b" " * 65_536

    async with serving() as gateway:
        answer = await gateway.http.post(
            f"{API}/data/publish", data=endless(), headers={"Content-Type": "application/json"}
        )
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (413, "too-large")


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.requests.BODY_READ_TIMEOUT_S", 0.05)
    async with serving() as gateway:
        reader, writer = await asyncio.open_connection(gateway.http.host, gateway.http.port)
        head = f"POST {API}/data/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
        async with asyncio.timeout(10):
            status = await reader.readline()
        writer.close()
    assert status.split(b" ")[1] == b"408"


async def test_a_version_that_the_log_let_go_of_has_a_newer_one_in_its_place() -> None:
    class Forgetful(MemoryLog):
        forgets = 1

        async def record_at(self, topic: str, partition: int, offset: int) -> Received | None:
            self.forgets -= 1
            return None if self.forgets >= 0 else await super().record_at(topic, partition, offset)

    log = Forgetful()
    async with serving(log=log) as gateway:
        await gateway.publish_routed("k", "one")
        once = await gateway.get("/projects/p/data/k")
        log.forgets = 9
        gone = await gateway.get("/projects/p/data/k")
    assert (once.status, once.body, gone.status) == (200, b"one", 404)
