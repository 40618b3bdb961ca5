"""TOML and CSV."""

import pytest

from contex.errors import InvalidValue, LimitExceeded
from contex.records import Value
from contex.text import parse
from contex.text.parsed import Array, Node, Object


def read(content: str, content_type: str) -> object:
    return parse(Value(content.encode(), content_type)).body


def row(**cells: Node) -> Object:
    return Object(tuple(cells.items()))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", Object(())),
        ("a = 1.10", row(a="1.10")),
        ("a = true\nb = 0xff\nc = inf", row(a="true", b="255", c="inf")),
        (
            "d = 2024-01-31\nt = 07:32:00\nz = 2024-01-31T10:00:00Z",
            row(d="2024-01-31", t="07:32:00", z="2024-01-31T10:00:00+00:00"),
        ),
        ("[a.b]\nc = ['x', 'y']", row(a=row(b=row(c=Array(("x", "y")))))),
        ("[[p]]\nn = 1\n[[p]]\nn = 2", row(p=Array((row(n="1"), row(n="2"))))),
    ],
)
def test_toml(content: str, expected: Node) -> None:
    assert read(content, "application/toml") == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a = 1\nb = ?", "(at line 2, column 5)"),
        ("a = 1\na = 2", "Cannot overwrite a value"),
        (f"a = {'9' * 5_000}", "Exceeds the limit"),
        (f"a = 0x{'f' * 5_000}", "Exceeds the limit"),
    ],
)
def test_toml_refuses(content: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match="data is not valid TOML: ") as caught:
        read(content, "application/toml")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a = " + "[" * 100_000, "more than the parser can follow"),
        ("a = " + "[" * 65 + "]" * 65, "got 65"),
        (".".join(["a"] * 400_000) + " = 1", "a dotted key of 400,000 segments"),
        (".".join(["a"] * 900) + " = 1", "got 65"),
    ],
)
def test_toml_deep_nesting_is_a_limit(content: str, found: str) -> None:
    with pytest.raises(LimitExceeded, match="at most 64 levels deep") as caught:
        read(content, "application/toml")
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", Array(())),
        ("a,b\n", Object((("columns", Array(("a", "b"))),))),
        ("a,b\n1,2\n", Array((row(a="1", b="2"),))),
        ("a;b\n1,5;2\n", Array((row(a="1,5", b="2"),))),
        ("a\tb\n1\t2\n", Array((row(a="1", b="2"),))),
        ('a,b\n"x, ""y""\nz",2\n', Array((row(a='x, "y"\nz', b="2"),))),
        (
            "a,b\n1\n1,2,3\n\n , \n",
            Array((row(a="1"), Object((("a", "1"), ("b", "2"), ("column 3", "3"))))),
        ),
        ("a,\n1,2\n", Array((Object((("a", "1"), ("column 2", "2"))),))),
        ("a,a\n1,2\n", Array((Object((("a", "1"), ("a", "2"))),))),
        ('"a;b;c",d\n1,2\n', Array((Object((("a;b;c", "1"), ("d", "2"))),))),
    ],
)
def test_csv(content: str, expected: Node) -> None:
    assert read(content, "text/csv") == expected


def test_csv_without_a_header() -> None:
    expected = Array((Object((("column 1", "1"), ("column 2", "2"))),))
    assert read("1,2\n", "text/csv; header=absent") == expected


def test_tsv_is_cut_at_tabs_only() -> None:
    assert read("a,b\tc\n1\t2\n", "text/tab-separated-values") == Array(
        (Object((("a,b", "1"), ("c", "2"))),)
    )


def test_csv_refuses_a_broken_quote_and_names_the_line() -> None:
    with pytest.raises(InvalidValue, match=r"not valid CSV: line 2: ',' expected after"):
        read('a,b\n"x"y,2\n', "text/csv")


def test_csv_with_a_gigantic_cell_is_a_limit() -> None:
    with pytest.raises(LimitExceeded, match=r"at most 131,072 characters in one cell"):
        read(f"a,b\n{'x' * 140_000},2\n", "text/csv")
