"""Querying and deleting."""

import json

import httpx
import pytest
from cli_gateway import CommandLine, item, problem

MATCHES = [
    {**item("db", 4, {"host": "db"}), "similarity": 0.71, "scores": {"dense": 0.7, "lexical": 0.2},
     "published_at": "2026-11-21T09:08:28.939Z"},
]  # fmt: skip
ANSWER = {"query": "database", "matches": MATCHES, "total_matches": 3, "omitted_total": 2,
          "took_ms": 4.2}  # fmt: skip
QUERY = "POST /projects/demo/query"
VALUES = "GET /projects/demo/data"


def test_matches_are_a_table(contex: CommandLine) -> None:
    contex.gateway.answers[QUERY] = httpx.Response(200, json=ANSWER)
    result = contex("query", "database")

    assert result.exit_code == 0, result.output
    head, row = result.stdout.splitlines()
    assert head.split() == ["key", "score", "data"]
    assert row.split(maxsplit=2) == ["db", "0.710", '{"host": "db"}']
    assert "1 of 3 shown, 4 ms" in result.stderr


def test_a_long_value_is_cut_and_hides_no_other_column(contex: CommandLine) -> None:
    long = {**MATCHES[0], "data": "word " * 2_000, "data_key": "k" * 60}
    contex.gateway.answers[QUERY] = httpx.Response(200, json={**ANSWER, "matches": [long]})
    row = contex("query", "database").stdout.splitlines()[1]
    assert row.split()[:3] == ["k" * 60, "0.710", "word"]
    assert (len(row), row[-1]) == (120, "…")


def test_options_are_sent_as_the_api_names_them(contex: CommandLine) -> None:
    contex.gateway.answers[QUERY] = httpx.Response(200, json=ANSWER)
    result = contex(
        "query", "database", "-k", "20", "--threshold", "0.4", "--mode", "hybrid", "--filter",
        "team=web", "--max-tokens", "900", "--after", "2026-11-20T00:00:00Z", "--json",
    )  # fmt: skip

    assert json.loads(result.stdout)["matches"][0]["scores"] == {"dense": 0.7, "lexical": 0.2}
    body = contex.gateway.bodies()[0]
    assert body["top_k"] == 20
    assert body["mode"] == "hybrid"
    assert body["max_tokens"] == 900
    assert body["filters"] in ({"team": "web"}, {"team": ["web"]})
    assert body["published_after"] == "2026-11-20T00:00:00Z"
    assert "published_before" not in body


def test_nothing_found_is_no_error(contex: CommandLine) -> None:
    nothing = {**ANSWER, "matches": [], "total_matches": 0}
    contex.gateway.answers[QUERY] = httpx.Response(200, json=nothing)
    info = {"data_key": "k", "revision": 1, "content_type": "text/plain", "metadata": {},
            "published_at": "2026-11-21T09:08:28.939Z", "size_bytes": 1, "tokens": 1}  # fmt: skip
    contex.gateway.answers[VALUES] = httpx.Response(
        200, json={"values": [info], "count": 1, "next_cursor": None}
    )
    result = contex("query", "database")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing matches. A lower --threshold finds more." in result.stderr


def test_nothing_found_is_told_with_what_is_likeliest(contex: CommandLine) -> None:
    nothing = {**ANSWER, "matches": [], "total_matches": 0}
    contex.gateway.answers[QUERY] = httpx.Response(200, json=nothing)
    contex.gateway.answers[VALUES] = httpx.Response(
        200, json={"values": [], "count": 0, "next_cursor": None}
    )
    assert "The project demo has no values" in contex("query", "database").stderr
    narrow = contex("query", "database", "--filter", "team=web", "--exclude", "on call")
    assert "Try it without --filter and --exclude." in narrow.stderr


def test_what_is_not_meant_goes_with_the_query(contex: CommandLine) -> None:
    contex.gateway.answers[QUERY] = httpx.Response(200, json=ANSWER)
    result = contex("query", "database", "--exclude", "tests", "--exclude", "old")

    assert result.exit_code == 0, result.output
    [body] = contex.gateway.bodies()
    assert body["query"] == "database"
    assert [one["text"] for one in body["exclusions"]] == ["tests", "old"]
    assert "threshold" not in body, "the gateway knows the usual one of each mode"


def deleted(key: str) -> httpx.Response:
    members = {"status": "deleted", "project_id": "demo", "data_key": key, "revision": 9,
               "sequence": "9", "event_id": "e"}  # fmt: skip
    return httpx.Response(202, json=members)


def test_values_are_deleted(contex: CommandLine) -> None:
    for key in ("a/b.md", "c"):
        contex.gateway.answers[f"DELETE /projects/demo/data/{key}"] = deleted(key)
    result = contex("delete", "a/b.md", "c")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["Deleted a/b.md from demo: revision 9.", "Deleted c from demo: revision 9."],
    )


@pytest.mark.parametrize(("keys", "status"), [(["c"], 3), (["c", "d"], 1)])
def test_a_refusal_does_not_keep_the_others(
    contex: CommandLine, keys: list[str], status: int
) -> None:
    contex.gateway.answers["DELETE /projects/demo/data/c"] = problem(404, "not-found", "no c")
    contex.gateway.answers["DELETE /projects/demo/data/d"] = deleted("d")
    result = contex("delete", *keys)
    assert result.exit_code == status
    assert "Error: no c" in result.stderr
    assert ("Deleted d" in result.stdout) == ("d" in keys)
