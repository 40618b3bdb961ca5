"""Registering, listing, showing and deleting agents; needs from options and from files."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli_gateway import CommandLine, item, update

REGISTERED = {
    "status": "registered",
    "agent_id": "ada",
    "project_id": "demo",
    "epoch": 7,
    "cursor": "3:1",
    "notification_method": "sse",
    "updates_url": "/api/v1/agents/ada/updates?project_id=demo",
}
AGENT = {
    "agent_id": "ada",
    "project_id": "demo",
    "epoch": 7,
    "registered_at": "2026-11-21T09:08:28.939Z",
    "data_needs": [
        {"text": "databases", "threshold": 0.4, "filters": {"team": ["web", "ops"]},
         "exclusions": [{"text": "deprecated ones", "threshold": 0.34}]},
        {"text": "who is on call", "threshold": 0.34},
    ],
    "notification_method": "sse",
    "webhook_url": None,
    "token_budget": 51_200,
    "updates_url": "/api/v1/agents/ada/updates?project_id=demo",
}  # fmt: skip
ONE_PAGE = {"agents": [AGENT], "count": 1, "next_cursor": None}


def registering(contex: CommandLine, status: int = 202, **more: object) -> None:
    contex.gateway.answers["POST /agents/register"] = httpx.Response(
        status, json={**REGISTERED, **more}
    )


def needs_sent(contex: CommandLine) -> list[Any]:
    needs: list[Any] = contex.gateway.bodies()[0]["data_needs"]
    return needs


def test_every_need_gets_the_conditions_that_were_given(contex: CommandLine) -> None:
    registering(contex)
    result = contex(
        "register", "ada", "--need", "databases", "--need", "on call", "--threshold", "0.5",
        "--filter", "team=web", "--filter", "team=ops", "--exclude", "deprecated ones",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert result.stdout == "Registered ada in demo with 2 needs: epoch 7.\n"
    assert "contex listen ada -p demo --cursor 3:1" in result.stderr
    for need, text in zip(needs_sent(contex), ["databases", "on call"], strict=True):
        assert need["text"] == text
        assert need["threshold"] == 0.5
        assert need["filters"] == {"team": ["web", "ops"]}
        assert [one["text"] for one in need["exclusions"]] == ["deprecated ones"]


FILES = {
    "needs.json": '["databases", {"text": "on call", "threshold": 0.5}]',
    "needs.yaml": "- databases\n- text: on call\n  threshold: 0.5\n",
    "body.json": '{"data_needs": ["databases", {"text": "on call", "threshold": 0.5}]}',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_each_need_its_own_conditions(
    contex: CommandLine, tmp_path: Path, name: str
) -> None:
    registering(contex)
    path = tmp_path / name
    path.write_text(FILES[name])

    assert contex("register", "ada", "--needs-file", str(path)).exit_code == 0
    found = [one if isinstance(one, str) else one["text"] for one in needs_sent(contex)]
    assert found == ["databases", "on call"]
    assert needs_sent(contex)[1]["threshold"] == 0.5


def test_lines_of_standard_input_are_needs(contex: CommandLine) -> None:
    registering(contex)
    result = contex("register", "ada", "--needs-file", "-", stdin="# mine\ndatabases\n\non call\n")
    assert result.exit_code == 0, result.output
    assert len(needs_sent(contex)) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"text": "x", "treshold": 1}]', "need 1 has the unknown member 'treshold'"),
        ('["a", {"threshold": 0.3}]', "need 2 has no text"),
        ('[{"text": "x", "threshold": "high"}]', "need 1 has a threshold that is no number"),
        ("[1", "is no JSON"),
        ("{}", "holds no list of needs"),
        ("", "holds no list of needs"),
    ],
)
def test_a_file_of_another_form_is_told_with_the_right_one(
    contex: CommandLine, text: str, says: str
) -> None:
    result = contex("register", "ada", "--needs-file", "-", stdin=text)
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    assert "Write a list of needs" in result.stderr


def test_an_agent_without_a_need_is_a_wrong_command_line(contex: CommandLine) -> None:
    result = contex("register", "ada")
    assert result.exit_code == 2
    assert "Say what the agent needs" in result.stderr


def test_waiting_shows_what_matches_already(contex: CommandLine) -> None:
    told = json.loads(update("initial", item("db", 4, {"host": "db"})).split("data: ", 1)[1])
    registering(contex, 200, initial=told)
    result = contex("register", "ada", "--need", "databases", "--wait")

    assert result.exit_code == 0, result.output
    assert "initial    1 value matches" in result.stdout
    assert "db  revision 4" in result.stdout
    assert '{"host": "db"}' in result.stdout


def test_what_did_not_come_in_time_has_a_status_of_its_own(contex: CommandLine) -> None:
    registering(contex)
    result = contex("register", "ada", "--need", "databases", "--wait", "--timeout", "1")
    assert result.exit_code == 5
    assert "its first update did not come within 1 s" in result.stderr


def test_a_webhook_secret_is_shown_once_with_a_warning(contex: CommandLine) -> None:
    registering(contex, notification_method="webhook", webhook_secret="whsec_abc")
    result = contex("register", "ada", "--need", "x", "--webhook", "https://example.com/hook")

    assert contex.gateway.bodies()[0]["webhook_url"] == "https://example.com/hook"
    assert "Webhook secret: whsec_abc" in result.stdout
    assert "Shown this once" in result.stderr
    assert "contex listen" not in result.stderr


@pytest.mark.parametrize("arguments", [["agents"], ["agents", "list"], ["agents", "-p", "demo"]])
def test_agents_alone_is_the_list(contex: CommandLine, arguments: list[str]) -> None:
    contex.gateway.answers["GET /agents"] = httpx.Response(200, json=ONE_PAGE)
    result = contex(*arguments)

    assert result.exit_code == 0, result.output
    head, row = result.stdout.splitlines()
    assert head.split() == ["agent", "project", "delivery", "needs"]
    assert row.split() == ["ada", "demo", "sse", "(+1)", "databases"]
    assert contex.gateway.asked[0].url.params["project_id"] == "demo"


def test_a_need_of_several_lines_stays_in_its_row(contex: CommandLine) -> None:
    agent = {**AGENT, "data_needs": [{"text": "one\ntwo", "threshold": 0.34}]}
    contex.gateway.answers["GET /agents"] = httpx.Response(
        200, json={**ONE_PAGE, "agents": [agent]}
    )
    _, row = contex("agents").stdout.splitlines()
    assert row.endswith("one\\ntwo")


def test_an_option_before_the_word_counts_as_well(contex: CommandLine) -> None:
    contex.gateway.answers["GET /agents/ada"] = httpx.Response(200, json=AGENT)
    result = contex("agents", "-p", "other", "--json", "show", "ada")
    assert json.loads(result.stdout)["epoch"] == 7
    assert contex.gateway.asked[0].url.params["project_id"] == "other"


def test_all_pages_are_listed(contex: CommandLine) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        more = "cursor" not in request.url.params
        return httpx.Response(200, json={**ONE_PAGE, "next_cursor": "c" if more else None})

    contex.gateway.answers["GET /agents"] = page
    assert len(json.loads(contex("agents", "--json").stdout)) == 2


def test_no_agents_is_no_error(contex: CommandLine) -> None:
    nobody = {"agents": [], "count": 0, "next_cursor": None}
    contex.gateway.answers["GET /agents"] = httpx.Response(200, json=nobody)
    result = contex("agents")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No agents in demo." in result.stderr


def test_an_agent_is_shown_with_its_conditions(contex: CommandLine) -> None:
    contex.gateway.answers["GET /agents/ada"] = httpx.Response(200, json=AGENT)
    result = contex("agents", "show", "ada")
    assert "threshold 0.4; team is web or ops; not: deprecated ones" in result.stdout
    assert "reads its own feed" in result.stdout


def test_an_agent_is_deleted(contex: CommandLine) -> None:
    contex.gateway.answers["DELETE /agents/ada"] = httpx.Response(202, json={"status": "gone"})
    result = contex("agents", "delete", "ada")
    assert (result.exit_code, result.stdout) == (0, "Deleted the agent ada.\n")
    told = json.loads(contex("agents", "delete", "ada", "--json").stdout)
    assert told == {"status": "unregistered", "project_id": "demo", "agent_id": "ada"}
