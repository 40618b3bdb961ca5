"""Needs as people write them: the forms of a file, and what is refused before anything is sent."""

from pathlib import Path

import pytest
from cli_gateway import CommandLine

from contex.cli import needs
from contex.cli.failures import Failed
from contex.client.types import Exclusion, Need

YAML = """\
- which databases we use
- text: who is on call
  threshold: 0.3
  filters: {team: [web, ops], tier: gold}
  exclusions: [people who have left, {text: holidays, threshold: 0.5}]
"""
JSON = """\
{"data_needs": ["which databases we use",
 {"text": "who is on call", "threshold": 0.3, "filters": {"team": ["web", "ops"], "tier": "gold"},
  "exclusions": ["people who have left", {"text": "holidays", "threshold": 0.5}]}]}
"""
BOTH = [
    Need("which databases we use"),
    Need(
        "who is on call",
        0.3,
        {"team": ("web", "ops"), "tier": ("gold",)},
        (Exclusion("people who have left"), Exclusion("holidays", 0.5)),
    ),
]


@pytest.mark.parametrize(("text", "name"), [(YAML, "n.yaml"), (YAML, "N.YML"), (JSON, "n.json")])
def test_a_list_is_the_same_in_yaml_and_in_json(text: str, name: str) -> None:
    assert needs.from_text(text, name) == BOTH


def test_json_is_known_by_its_first_letter_whatever_the_name() -> None:
    assert needs.from_text(JSON, "<stdin>") == BOTH


def test_lines_are_needs_but_for_empty_ones_and_comments() -> None:
    text = "# ours\n\n  databases  \n#no\non call\n"
    assert needs.from_text(text, "needs.txt") == [Need("databases"), Need("on call")]


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("- [", "n.yaml", "n.yaml: data is not valid YAML: "),
        ('[{"text": "a", "treshold": 1}]', "n.json", "'treshold'. Did you mean 'threshold'?"),
        ("text: alone", "n.yaml", "holds no list of needs"),
        ('{"other": []}', "n.json", "holds no list of needs"),
        ("[]", "n.json", "holds no list of needs"),
        ("[" * 100_000, "n.json", "is no JSON"),
        ('[{"text": 3}]', "n.json", "need 1 has no text"),
        ('["a", {"text": "b", "theshold": 1}]', "n.json", "need 2 has the unknown member"),
        ('[{"text": "a", "filters": ["x"]}]', "n.json", "filters or exclusions of another form"),
        ('[{"text": "a", "exclusions": "x"}]', "n.json", "filters or exclusions of another form"),
        ('[{"text": "a", "exclusions": [{}]}]', "n.json", "an exclusion without a text"),
        ('[{"text": "a", "threshold": "high"}]', "n.json", "a threshold that is no number"),
        ('[{"text": "a", "threshold": null}]', "n.json", "a threshold that is no number"),
        ('[{"text": "a", "threshold": 1' + "0" * 400 + "}]", "n.json", "that is no number"),
    ],
)
def test_what_is_no_list_of_needs_is_told_with_the_right_form(
    text: str, name: str, says: str
) -> None:
    with pytest.raises(Failed) as refused:
        needs.from_text(text, name)
    assert says in refused.value.message
    assert refused.value.exit_code == 2
    assert refused.value.step.startswith("Write a list of needs")


def test_all_needs_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(Failed) as refused:
        needs.from_text('[{"text": 3}, "good", {"text": "b", "fiters": {}}]', "n.json")
    assert refused.value.message == "n.json: 2 of 3 needs are wrong"
    assert refused.value.facts == (
        "n.json: need 1 has no text",
        "n.json: need 3 has the unknown member 'fiters'. Did you mean 'filters'?",
    )

    with pytest.raises(Failed) as refused:
        needs.from_text("[" + ",".join(["1"] * 25) + "]", "n.json")
    assert (len(refused.value.facts), refused.value.facts[-1]) == (21, "... and 5 more")


def test_options_go_with_every_need() -> None:
    found = needs.from_options(["a", "b"], 0.5, {"team": "web", "tier": ["x", "y"]}, ["c"])
    labels = {"team": ("web",), "tier": ("x", "y")}
    assert found == [Need(text, 0.5, labels, (Exclusion("c"),)) for text in ("a", "b")]
    assert needs.from_options(["a"], None, None, []) == [Need("a")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe databases", "needs.txt is not UTF-8 text (byte 0)"),
        (b"x" * (needs.FILE_BYTES_MAX + 1), "needs.txt has more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused(
    contex: CommandLine, tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "needs.txt").write_bytes(content)
    result = contex("register", "ada", "--needs-file", str(tmp_path / "needs.txt"))
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    assert contex.gateway.asked == []


def test_a_mark_of_byte_order_is_no_part_of_a_need(tmp_path: Path) -> None:
    (tmp_path / "needs.json").write_bytes(b'\xef\xbb\xbf["databases"]')
    with (tmp_path / "needs.json").open("rb") as file:
        assert needs.from_file(file) == [Need("databases")]


@pytest.mark.parametrize("beside", [["--filter", "a=b"], ["--exclude", "x"], ["--threshold", "1"]])
def test_what_goes_with_a_need_is_never_ignored(
    contex: CommandLine, tmp_path: Path, beside: list[str]
) -> None:
    (tmp_path / "needs.txt").write_text("databases\n")
    result = contex("register", "ada", "--needs-file", str(tmp_path / "needs.txt"), *beside)
    assert result.exit_code == 2
    assert "go with --need" in result.stderr
    assert contex.gateway.asked == []
