import json

import pytest

from contex.errors import InvalidValue, LimitExceeded
from contex.records import Value
from contex.text import DEPTH_MAX, parse
from contex.text.json_format import depth_of
from contex.text.parsed import Array, Node, Object


def read(content: bytes | str, content_type: str = "application/json") -> object:
    data = content.encode() if isinstance(content, str) else content
    return parse(Value(data, content_type)).body


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("42", "42"),
        ("null", "null"),
        ("true", "true"),
        ("1.10", "1.10"),
        ("1e400", "1e400"),
        ("9" * 5_000, "9" * 5_000),
        ('"a b"', "a b"),
        ("[]", Array(())),
        ("{}", Object(())),
        ('{"a": 1, "a": 2}', Object((("a", "1"), ("a", "2")))),
        ('{"": 1}', Object((("", "1"),))),
        (r'"\ud83d\ude00"', "😀"),
        (r'"x\ud800y"', "x\ufffdy"),
        (r'{"\udfff": 1}', Object((("\ufffd", "1"),))),
        ("\ufeff[1]", Array(("1",))),
        ('["NaN", "[{"]', Array(("NaN", "[{"))),
    ],
)
def test_reads(content: str, expected: Node) -> None:
    assert read(content) == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6: Expecting ':' delimiter"),
        ("", "line 1, column 1: Expecting value"),
        ("[1] 2", "line 1, column 5: Extra data"),
        ('{"x": "NaN",\n "y": [NaN]}', "line 2, column 8: NaN is no JSON number"),
        ("[-Infinity]", "line 1, column 2: -Infinity is no JSON number"),
        ('"\\', "line 1, column 1: Unterminated string starting at"),
    ],
)
def test_refuses(content: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(content)
    assert str(caught.value) == f"data is not valid JSON: {problem}"
    assert caught.value.field == "data"


@pytest.mark.parametrize("content", ["[" * 10_000, "[" * 10_000 + "]" * 10_000, '{"a":' * 10_000])
def test_deep_nesting_is_a_limit_not_a_crash(content: str) -> None:
    with pytest.raises(LimitExceeded, match=r"at most 64 levels deep, got 10,000: flatten it"):
        read(content)


def test_the_deepest_legal_value_is_read() -> None:
    read("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    with pytest.raises(LimitExceeded):
        read("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))


def test_brackets_inside_strings_are_not_nesting() -> None:
    assert depth_of(json.dumps({"a": ['[[[ "{{{ \\', "]"]})) == 2


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "application/jsonl", "application/x-jsonlines"]
)
def test_lines(content_type: str) -> None:
    got = read('{"a": 1}\r\n\n[2]\n', content_type)
    assert got == Array((Object((("a", "1"),)), Array(("2",))))


def test_lines_name_the_line() -> None:
    with pytest.raises(InvalidValue, match="line 3, column 2"):
        read("1\n\n[oops]\n", "application/x-ndjson")
