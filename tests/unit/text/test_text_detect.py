import pytest

from contex.records import Value
from contex.text import Format, parse

JSON = ["42", "-1.5", "true", "null", '"quoted"', " [1, 2] ", '{"a": {"b": 1}}', '{"a":1}\n{"a":2}']
YAML = [
    "name: web\nport: 80",
    "name: web\nport: 80\n# a comment\n",
    "spec:\n  replicas: 2",
    "---\nname: web\nkind: x\n",
    "- name: a\n- name: b",
    "- name: a\n  port: 1",
    '"quoted key": 1\nother: 2',
    "on:\n  push:\n    branches: [main]\njobs: {}\n",
    "a: 1\n---\nb: 2",
    "deps:\n- a\n- b",
]
TOML = [
    "[server]\nport = 80",
    'title = "x"\n[a.b]\nc = [1]',
    "# comment\na = 1",
    "[[plans]]\nname = 'a'",
    'a.b = "c"',
]
CSV = ["name,age\nAnn,3", "a;b;c\n1;2;3\n4;5;6", "id\tFull name\n1\tAnn Lee", '"a","b"\n"1,2","3"']
XML = ["<a/>", "<?xml version='1.0'?><a/>", "<!-- c --><a>1</a>", "<p>hi</p>"]
CODE = [
    "#!/bin/sh\necho hi",
    "import os\n\ndef f(x):\n    return x\n",
    "function add(a, b) {\n  return a + b;\n}",
    '#include <stdio.h>\nint main() {\n  puts("x");\n}',
    "package main\n\nfunc main() {\n}\n",
    "SELECT a\nFROM t\nWHERE b = 1;",
    "const x = 1;\nexport default x;\n",
]
MARKDOWN = [
    "# Title",
    "Intro\n\n## Part\n\ntext",
    "Run:\n\n```\nmake\n```",
    "- one\n- two",
    "1. one\n2. two",
    "See [a](b) and **bold**.\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
]
TEXT = [
    "Reminder: buy milk",
    "port: 80",
    "Note to self: the key is under the mat.\nSecond line: nothing.",
    "Dear team:\nPlease see the notes.",
    "Meeting at 10:30, bring: pens, paper\nand patience",
    "Q: why?\nA: because.\nQ: really?\nA: yes.",
    "Hello, world",
    "Hello, world\nGoodbye, moon",
    "Roses are red, violets are blue\nSugar is sweet, and so are you",
    "Paris, 3 May\nDear Ann,\nall is well",
    "http://example.com/a: the page\nhttp://example.com/b: the other",
    "{not json}",
    "{'single': 'quotes'}",
    '{"a": 1,}',
    "[draft] call Bob: today",
    "[draft]",
    "[a, b] and more",
    "NaN",
    "Infinity",
    "12:30",
    "42 apples",
    "- a lone bullet",
    "--- signed ---",
    "<3 you all",
    "a < b and b > c",
    "<p>unclosed",
    "<not xml> but text",
    "x == y",
    "name = Ann",
    "$100 = a lot",
    "We import goods from Peru.\nThe class of 1999 met.",
    "return to sender",
    "if it rains we stay;",
    "a,b",
    "1,2,3\n4,5,6",
    "price: 3\nprice: 4",
    "https://example.com",
    "C:\\path\\file",
    "#hashtag and #more",
    "*",
    '"an open quote',
    "true story",
    "null and void",
    "a: b: c\nd: e: f",
    "\tindented: yes\n\ttoo: no",
    "[" * 10_000 + "]" * 10_000,
]
CASES = [
    (text, expected)
    for expected, texts in (
        (Format.JSON, JSON),
        (Format.YAML, YAML),
        (Format.TOML, TOML),
        (Format.CSV, CSV),
        (Format.XML, XML),
        (Format.CODE, CODE),
        (Format.MARKDOWN, MARKDOWN),
        (Format.TEXT, TEXT),
    )
    for text in texts
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:40] for text, _ in CASES])
def test_detection(text: str, expected: Format) -> None:
    got = parse(Value(text.encode())).format
    assert got is expected, f"expected {expected} for {text[:80]!r}, got {got}"


def test_a_declared_text_is_not_guessed_at() -> None:
    assert parse(Value(b'{"a": 1}', "text/plain")).format is Format.TEXT
