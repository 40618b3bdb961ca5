"""What people see of updates and values, and what programs see of them."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from contex.cli import showing
from contex.cli.showing import one_line, preview, show_update, text_of, update_members
from contex.client.data import Body
from contex.client.types import Item, Update
from contex.records.update import MatchedNeed

NEEDS = (MatchedNeed("databases", 0.71, 0.34),)


def item(data_key: str, data: Any = None, **more: Any) -> Item:
    body = Body(data, known=True)
    members: dict[str, Any] = {"body": body, "needs": NEEDS if data is not None else (), **more}
    return Item(project_id="demo", data_key=data_key, revision=4, **members)


def update(kind: str, *items: Item, **more: Any) -> Update:
    return Update("u1", kind, "demo", "ada", 3, items, **more)


def shown(told: Update, width: int = 60) -> list[str]:
    output = StringIO()
    show_update(Console(file=output, width=width), told)
    return [line[10:] for line in output.getvalue().splitlines()]


def test_every_value_of_an_update_has_its_own_line() -> None:
    assert shown(update("deleted", item("a"), item("b"))) == [
        "deleted    a  revision 4",
        "           b  revision 4",
    ]


def test_an_initial_counts_what_it_holds_and_what_did_not_fit() -> None:
    told = update("initial", item("a", "x"), item("b", "y"), omitted_total=1_200)
    assert shown(told, 90) == [
        "initial    2 values match, 1,200 more did not fit the token budget",
        "a  revision 4",
        "  0.71 for: databases",
        "  x",
        "b  revision 4",
        "  0.71 for: databases",
        "  y",
    ]


def test_a_reset_says_what_to_do() -> None:
    assert shown(update("reset")) == ["reset      forget everything: the feed begins anew"]


def test_more_values_than_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "ITEMS_SHOWN_MAX", 1)
    assert shown(update("initial", item("a"), item("b"), item("c")))[-1] == "... and 2 more"


def test_no_line_is_longer_than_the_terminal() -> None:
    lines = shown(update("matched", item("k" * 200, "word " * 100)), 40)
    assert max(map(len, lines)) <= 30
    assert lines[0].endswith("…")


def test_a_time_is_shown_where_there_is_one() -> None:
    output = StringIO()
    told = update("reset", timestamp="2026-11-21T09:08:28Z")
    show_update(Console(file=output, width=80), told)
    assert output.getvalue()[2] == ":"
    show_update(Console(file=output, width=80), update("reset", timestamp="some day"))
    assert output.getvalue().splitlines()[1].startswith(" " * 10 + "reset")


@pytest.mark.parametrize(
    ("data", "lines_max", "expected"),
    [
        ("one\n\n two  \n", 3, ["one", " two"]),
        ("1\n2\n3", 2, ["1", "2", "3"]),
        ("1\n2\n3\n4", 2, ["1", "2", "(2 more lines)"]),
        ("x" * 30, 1, ["x" * 17 + "..."]),
        ("1\n" + "x" * 30, 1, ["1", "x" * 17 + "..."]),
        ({"a": [1, None]}, 1, ['{"a": [1, null]}']),
        (b"\xff\x00", 1, ["(2 bytes that are..."]),
        ("", 3, []),
    ],
)
def test_a_preview_is_the_first_lines(data: Any, lines_max: int, expected: list[str]) -> None:
    assert preview(item("k", data), 20, lines_max) == expected


def test_what_is_large_is_named_and_not_fetched() -> None:
    large = item("k", tokens=12_000, reference="/api/v1/x", body=Body(None, known=False))
    assert preview(large, 40, 3) == ["(large: 12,000 tokens, GET /api/v1/x)"]
    assert one_line(large) == "(large: 12,000 tokens)"
    told = update_members(update("matched", large))["items"]
    assert isinstance(told, list)
    assert (told[0]["data"], told[0]["reference"]) == (None, "/api/v1/x")


def test_one_line_has_no_breaks() -> None:
    assert one_line(item("k", " a\n\tb  c ")) == "a b c"


def test_bytes_that_are_no_text_are_counted() -> None:
    assert text_of(b"\xff" * 1_234) == "(1,234 bytes that are no text)"


def test_programs_get_the_names_of_the_api() -> None:
    members = update_members(update("matched", item("k", {"a": 1}), cursor="3:7"))
    assert members["items"] == [
        {
            "data_key": "k",
            "revision": 4,
            "score": 0.0,
            "data": {"a": 1},
            "content_type": None,
            "metadata": {},
            "reference": None,
            "tokens": 0,
            "needs": [{"need": "databases", "score": 0.71, "threshold": 0.34}],
        }
    ]
    assert (members["kind"], members["cursor"], members["epoch"]) == ("matched", "3:7", 3)
