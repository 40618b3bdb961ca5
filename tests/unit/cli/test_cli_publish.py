"""Publishing: what arguments mean, what is sent, what is said, and with which status it ends."""

import json
from pathlib import Path

import httpx
import pytest
from cli_gateway import CommandLine, problem

from contex.cli import publish, sending
from contex.text.media import content_type_for


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n")
    (tmp_path / "docs" / "b.yaml").write_text("b: 1\n")
    (tmp_path / "docs" / "logo.png").write_bytes(b"\x89PNG\x00")
    (tmp_path / "docs" / ".secret").write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_value_is_published_as_it_was_typed(contex: CommandLine) -> None:
    result = contex("publish", "team/motd", "hello", "-m", "team=web", "--event-type", "greeted")

    assert (result.exit_code, result.stdout) == (0, "Published team/motd to demo: revision 1.\n")
    assert contex.gateway.bodies() == [
        {
            "project_id": "demo",
            "data_key": "team/motd",
            "data": "hello",
            "event_type": "greeted",
            "metadata": {"team": "web"},
        }
    ]


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        (("docs/a.mdd", "docs/a.md"), "publish docs/a.mdd --file docs/a.md"),
        (("team notes", "docs/a.md"), "publish 'team notes' --file docs/a.md"),
        (("docs/a.md", "docs/b.yml"), "publish docs/a.md --value TEXT"),
    ],
)
def test_of_a_file_and_a_word_nothing_is_guessed(
    contex: CommandLine, tree: Path, typed: tuple[str, str], advice: str
) -> None:
    result = contex("publish", *typed)
    assert (tree.exists(), result.exit_code, contex.gateway.bodies()) == (True, 2, [])
    assert advice in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "data_format"),
    [('{"host": "db"}', "json"), ("[1, 2]", "json"), ("5432", None), ("{half", None), ("", None)],
)
def test_an_object_or_an_array_is_json_and_nothing_else(
    contex: CommandLine, text: str, data_format: str | None
) -> None:
    assert contex("publish", "k", text).exit_code == 0
    sent = contex.gateway.values()["k"]
    assert (sent["data"], sent.get("data_format")) == (text, data_format)


def test_standard_input_is_a_value(contex: CommandLine) -> None:
    assert contex("publish", "k", "-", stdin="from a pipe").exit_code == 0
    assert contex.gateway.values()["k"]["data"] == "from a pipe"


def test_standard_input_that_is_no_text_is_refused(contex: CommandLine) -> None:
    result = contex("publish", "k", "-", stdin=b"\xff\x00")
    assert result.exit_code == 1
    assert "the value is not UTF-8 text" in result.stderr
    assert contex.gateway.asked == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "step"),
    [
        (["k", "-"], b"\xff\x00", "Values are UTF-8 text"),
        (["k", "-"], b"x" * 900_001, "Publish its parts under several keys."),
        (["k", "--file", "docs/logo.png"], b"", "Values are UTF-8 text"),
    ],
)
def test_the_next_step_fits_what_is_wrong_with_a_value(
    contex: CommandLine, arguments: list[str], stdin: bytes, step: str
) -> None:
    assert step in contex("publish", *arguments, stdin=stdin).stderr


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (['{"x": 1'], True),
        (["[1,"], True),
        (["[" * 100_000], True),
        (['{"x": 1}'], False),
        (["hello"], False),
        (['{"x": 1', "--format", "text"], False),
        (["-"], False),
    ],
)
def test_a_typed_value_that_is_nearly_json_is_warned_of(
    contex: CommandLine, arguments: list[str], warned: bool
) -> None:
    result = contex("publish", "k", *arguments, stdin="{half")
    assert result.exit_code == 0, result.output
    assert ("begins like JSON, but is none" in result.stderr) == warned


def test_what_is_no_text_is_named_but_not_without_end(contex: CommandLine, tree: Path) -> None:
    for number in range(4):
        (tree / "docs" / f"{number}.bin").write_bytes(b"\x00")
    said = contex("publish", "docs").stderr
    assert "5 no UTF-8 text (docs/0.bin, docs/1.bin, docs/2.bin, ...)." in said


def test_a_file_has_the_format_of_its_ending(contex: CommandLine) -> None:
    assert contex("publish", "runbook", "--file", "docs/a.md").exit_code == 0
    assert contex.gateway.values()["runbook"] == {
        "project_id": "demo",
        "data_key": "runbook",
        "data": "# A\n",
        "data_format": "markdown",
    }


def test_a_folder_is_published_and_what_is_left_out_is_counted(contex: CommandLine) -> None:
    result = contex("publish", "docs")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Published 2 values to demo in ")
    assert "Left out: 1 hidden, 1 no UTF-8 text (docs/logo.png)." in result.stderr
    assert {key: one.get("data_format") for key, one in contex.gateway.values().items()} == {
        "docs/a.md": "markdown",
        "docs/b.yaml": "yaml",
    }


def test_one_bad_file_hurts_no_other_and_the_status_is_1(contex: CommandLine, tree: Path) -> None:
    (tree / "docs" / "b.yaml").write_text("bad: [")
    result = contex("publish", "docs/")

    assert result.exit_code == 1
    assert "failed  docs/b.yaml: data is no YAML" in result.stderr
    assert "Published 1 value to demo" in result.stdout
    assert "1 failed" in result.stdout


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    contex: CommandLine, tree: Path
) -> None:
    (tree / "docs" / "big.txt").write_text("x" * 900_001)
    result = contex("publish", "docs")

    assert result.exit_code == 1
    assert "docs/big.txt: has 900,001 bytes; a value may have 900,000" in result.stderr
    assert set(contex.gateway.values()) == {"docs/a.md", "docs/b.yaml"}


def test_a_binary_that_is_named_itself_is_a_failure(contex: CommandLine) -> None:
    result = contex("publish", "docs/logo.png", "docs/a.md")
    assert result.exit_code == 1
    assert "docs/logo.png: has zero bytes" in result.stderr


def test_ctrl_c_amid_files_says_how_many_went(
    contex: CommandLine, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([contex.gateway._batch])

    def once(request: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        if answer is None:
            raise KeyboardInterrupt
        return answer(request)

    monkeypatch.setattr(sending, "BATCH_ITEMS_MAX", 1)
    contex.gateway.answers["POST /batch/publish"] = once
    result = contex("publish", "docs/")
    assert (tree.exists(), result.exit_code) == (True, 130), result.output
    assert "Published 1 value to demo" in result.stdout
    assert "Error: interrupted" in result.stderr


def test_batches_are_bounded_by_number_and_by_size(
    contex: CommandLine, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tree / "docs" / f"{number}.txt").write_text("x" * 100)
    monkeypatch.setattr(sending, "BATCH_ITEMS_MAX", 2)
    assert contex("publish", "docs").exit_code == 0
    assert [
        len(body["items"] if isinstance(body, dict) else body) for body in contex.gateway.bodies()
    ] == [2, 2, 2, 1]

    contex.gateway.asked.clear()
    monkeypatch.setattr(sending, "BATCH_ITEMS_MAX", 100)
    monkeypatch.setattr(sending, "BATCH_BYTES_MAX", 250)
    assert contex("publish", "docs").exit_code == 0
    assert len(contex.gateway.asked) == 3


def test_a_gateway_that_goes_away_ends_it_and_says_how_far_it_came(
    contex: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH_ITEMS_MAX", 1)
    fake = contex.gateway
    answers = iter([fake._batch])

    def once(request: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        return answer(request) if answer else problem(503, "unavailable", "Kafka is away")

    fake.answers["POST /batch/publish"] = once
    result = contex("publish", "docs")

    assert result.exit_code == 5
    assert "Published 1 value to demo" in result.stdout
    assert "Error: Kafka is away" in result.stderr
    assert "a repeat does no harm" in result.stderr


def test_a_files_name_stays_in_its_line(contex: CommandLine, tree: Path) -> None:
    (tree / "docs" / "two\nlines.md").write_text("# A\n")
    result = contex("publish", "docs/")
    assert result.exit_code == 1
    assert "docs/two\\nlines.md: data_key must not contain control characters" in result.stderr


def test_a_dry_run_sends_nothing(contex: CommandLine) -> None:
    result = contex("publish", "docs", "--prefix", "x/", "--dry-run", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {"data_key": f"x/docs/{name}", "path": f"docs/{name}", "data_format": data_format,
         "size_bytes": size_bytes, "error": None}
        for name, data_format, size_bytes in [("a.md", "markdown", 4), ("b.yaml", "yaml", 5)]
    ]  # fmt: skip
    assert (
        "Would publish 2 values, 9 B. Nothing was sent."
        in contex("publish", "docs", "--dry-run").stderr
    )
    assert contex.gateway.asked == []


def test_json_tells_of_every_file(contex: CommandLine, tree: Path) -> None:
    (tree / "docs" / "b.yaml").write_text("bad: [")
    result = contex("publish", "docs", "--json")

    told = json.loads(result.stdout)
    assert (told["published"], told["failed"]) == (1, 1)
    assert told["left_out"] == {"hidden": 1, "excluded": 0, "links": 0, "binary": 1}
    assert told["results"][0]["revision"] == 1
    assert told["results"][1]["error"] == "data is no YAML"


@pytest.mark.parametrize("arguments", [["k", "hello"], ["docs"]])
def test_waiting_tells_who_was_told(contex: CommandLine, arguments: list[str]) -> None:
    def routed(request: httpx.Request) -> httpx.Response:
        assert request.headers["Prefer"] == "wait=7"
        more = {"outcome": "routed", "agents_told": 2, "told": {"matched": 2, "updated": 0}}
        return httpx.Response(200, json=contex.gateway.accepted(json.loads(request.content)) | more)

    contex.gateway.answers["POST /data/publish"] = routed
    result = contex("publish", *arguments, "--wait", "--timeout", "7")

    assert result.exit_code == 0, result.output
    expected = {
        "k": "Published k to demo: revision 1, routed; 2 agents told (2 matched).",
        "docs": "; agents were told 4 times.",
    }
    assert expected[arguments[0]] in result.stdout


def test_what_was_not_routed_in_time_has_a_status_of_its_own(contex: CommandLine) -> None:
    result = contex("publish", "k", "hello", "--wait", "--timeout", "1")
    assert result.exit_code == 5
    assert "k was accepted, but not routed within 1 s" in result.stderr
    assert "contex dead-letters list --key k" in result.stderr, "it may have been given up"


@pytest.mark.parametrize(("timeout_s", "said"), [("200", True), ("30", False)])
@pytest.mark.parametrize("arguments", [["k", "hello"], ["docs"]])
def test_less_waiting_than_was_asked_for_is_said_once(
    contex: CommandLine, arguments: list[str], timeout_s: str, said: bool
) -> None:
    result = contex("publish", *arguments, "--wait", "--timeout", timeout_s)
    assert result.stderr.count("--wait waits 30 s at most") == said
    assert contex.gateway.asked[0].headers["Prefer"] == "wait=30"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["docs", "hello"], "Did you mean a key? contex publish docs --value TEXT"),
        (["nothing.md"], "One value: contex publish KEY VALUE, or KEY - for standard input."),
        (["a", "b", "c"], "there is no file or folder 'a'"),
        (["doccs/"], "Did you mean 'docs'?"),
        (["nowhere/else/"], "Paths are relative to the folder that you are in."),
        (["docs/*.toml"], "the pattern 'docs/*.toml' matches no file"),
        (["", "x"], "data_key"),
        (["k", "x", "--value", "y"], "give one KEY and nothing else"),
        (["k", "x", "--metadata", "nonsense"], "expected NAME=TEXT, got 'nonsense'"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_the_way_out(
    contex: CommandLine, arguments: list[str], says: str
) -> None:
    result = contex("publish", *arguments)
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr


def test_a_key_that_is_also_a_file_can_be_meant(contex: CommandLine) -> None:
    assert contex("publish", "docs", "--value", "about the docs").exit_code == 0
    assert contex.gateway.values()["docs"]["data"] == "about the docs"


def test_no_project_is_a_wrong_command_line(contex: CommandLine) -> None:
    result = contex("publish", "k", "v", CONTEX_PROJECT="")
    assert result.exit_code == 2
    assert "CONTEX_PROJECT" in result.stderr


def test_every_format_on_offer_is_one_of_the_gateways() -> None:
    for name in publish._FORMATS:
        assert content_type_for(name), name


@pytest.mark.parametrize("text", ["x" * 300, '{"a": "' + "x" * 5_000 + '"}'])
def test_a_text_that_is_too_long_for_a_files_name_is_a_value(
    contex: CommandLine, text: str
) -> None:
    result = contex("publish", "database", text)
    assert result.exit_code == 0, result.output
    assert contex.gateway.values()["database"]["data"] == text


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_word_that_is_no_utf_8_is_refused(contex: CommandLine, more: list[str]) -> None:
    result = contex("publish", "k", "caf\udce9", *more)
    assert result.exit_code == 1
    assert "the value is not UTF-8 text (byte 3)" in result.stderr
    assert contex.gateway.asked == []


@pytest.mark.parametrize("content", [b"x" * 900_001, "ü".encode() * 600_000])
def test_standard_input_is_bounded(contex: CommandLine, content: bytes) -> None:
    result = contex("publish", "k", "-", stdin=content)
    assert result.exit_code == 1
    assert "a value may have 900,000" in result.stderr


def test_files_that_were_not_routed_in_time_have_the_same_status(contex: CommandLine) -> None:
    result = contex("publish", "docs", "--wait", "--timeout", "1")
    assert result.exit_code == 5
    assert "2 not routed yet" in result.stdout


def test_one_file_that_is_refused_while_waiting_hurts_no_other(contex: CommandLine) -> None:
    def refuse_one(request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)
        if wanted["data_key"] == "docs/a.md":
            return problem(409, "conflict", "not now")
        more = {"outcome": "routed", "agents_told": 1, "told": {"matched": 1}}
        return httpx.Response(200, json=contex.gateway.accepted(wanted) | more)

    contex.gateway.answers["POST /data/publish"] = refuse_one
    result = contex("publish", "docs", "--wait")
    assert result.exit_code == 1
    assert "failed  docs/a.md: not now" in result.stderr
    assert "Published 1 value to demo" in result.stdout


def test_a_key_that_is_refused_ends_it_at_once(contex: CommandLine) -> None:
    contex.gateway.answers["POST /data/publish"] = problem(401, "unauthenticated", "not this key")
    assert contex("publish", "docs", "--wait").exit_code == 4


def test_many_failures_are_counted_and_json_lists_them(contex: CommandLine, tree: Path) -> None:
    for number in range(55):
        (tree / "docs" / f"{number:02}.txt").write_text("bad: [")
    result = contex("publish", "docs")
    assert result.exit_code == 1
    assert result.stderr.count("failed  docs/") == 50
    assert "... and 5 more; --json lists all" in result.stderr
    assert json.loads(contex("publish", "docs", "--json").stdout)["failed"] == 55


def test_nothing_left_to_publish_is_a_failure_that_says_why(contex: CommandLine) -> None:
    result = contex("publish", "docs", "--exclude", "*")
    assert result.exit_code == 1
    assert "no file is left to publish" in result.stderr
    assert "1 hidden, 3 excluded" in result.stderr


def test_links_are_told_among_what_is_left_out(contex: CommandLine, tree: Path) -> None:
    (tree / "docs" / "loop").symlink_to(tree / "docs")
    assert "1 links or devices" in contex("publish", "docs").stderr


def test_a_dry_run_tells_which_file_would_fail(contex: CommandLine, tree: Path) -> None:
    (tree / "docs" / "big.txt").write_text("x" * 900_001)
    result = contex("publish", "docs", "--dry-run")
    assert result.exit_code == 1
    assert "docs/big.txt  has 900,001 bytes; a value may have 900,000" in result.stdout
    assert "Would publish 2 values" in result.stderr
    assert contex("publish", "k", "12345", "--dry-run").stdout.split() == [
        "k",
        "detected",
        "5",
        "B",
    ]
