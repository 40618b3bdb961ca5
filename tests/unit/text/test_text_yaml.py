import pytest

from contex.errors import InvalidValue, LimitExceeded
from contex.records import Value
from contex.text import DEPTH_MAX, parse
from contex.text.parsed import Array, Node, Object


def read(content: str) -> object:
    return parse(Value(content.encode(), "application/yaml")).body


def obj(**entries: Node) -> Object:
    return Object(tuple(entries.items()))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "null"),
        ("a: 1", obj(a="1")),
        ("a: ~\nb:\nc: null\nd: 'null'\ne: ''", obj(a="null", b="null", c="null", d="null", e="")),
        ("a: no\nb: 0o17\nc: 1_000\nd: .inf", obj(a="no", b="0o17", c="1_000", d=".inf")),
        (
            "day: 2024-01-31\nat: 2024-01-31 10:00:00Z",
            obj(day="2024-01-31", at="2024-01-31 10:00:00Z"),
        ),
        ("not a date: 2024-99-99", Object((("not a date", "2024-99-99"),))),
        (
            "1: one\n2024-01-31: day\n~: nothing",
            Object((("1", "one"), ("2024-01-31", "day"), ("null", "nothing"))),
        ),
        ("? [a, b]\n: c\n? {d: e}\n: f", Object((("a, b", "c"), ("d e", "f")))),
        ("a: 1\na: 2", Object((("a", "1"), ("a", "2")))),
        ("a: &x {k: v}\nb: *x", obj(a=obj(k="v"), b=obj(k="v"))),
        (
            "b: &x {k: v, l: w}\na:\n  <<: *x\n  k: own",
            obj(b=obj(k="v", l="w"), a=obj(l="w", k="own")),
        ),
        ("a: {<<: [{k: 1}, {k: 2, l: 3}]}", obj(a=obj(k="1", l="3"))),
        ("a: {<<: text}", obj(a=Object((("<<", "text"),)))),
        ("a: 1\n---\nb: 2", Array((obj(a="1"), obj(b="2")))),
        ("--- one\n--- two\n...\n", Array(("one", "two"))),
        ("a: !Ref b\nc: !!python/object/apply:os.system [id]", obj(a="b", c=Array(("id",)))),
        ("text: |\n  one\n  two\n", obj(text="one\ntwo\n")),
        ("😀: ✓", Object((("😀", "✓"),))),
    ],
)
def test_reads(content: str, expected: Node) -> None:
    assert read(content) == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "a: 1\nb: [1,\n",
            "line 3, column 1: while parsing a flow node did not find expected node content",
        ),
        ("a: *nowhere", "line 1, column 4: alias *nowhere names no anchor"),
        ("a: &x\n  b: *x", "line 2, column 6: alias *x stands inside what it repeats"),
        ("a: &x 1\n---\nb: *x", "line 3, column 4: alias *x names no anchor"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a control character: \x07", "control characters are not allowed"),
    ],
)
def test_refuses(content: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(content)
    assert str(caught.value).startswith("data is not valid YAML: ")
    assert problem in str(caught.value)
    assert caught.value.field == "data"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_a_limit(opening: str) -> None:
    with pytest.raises(LimitExceeded, match="at most 64 levels deep"):
        read(opening * 100_000)


def test_aliases_cannot_hide_depth() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, DEPTH_MAX + 1)]
    with pytest.raises(LimitExceeded, match="levels deep"):
        read("\n".join(lines))


def test_an_alias_bomb_is_a_limit() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(LimitExceeded, match=r"at most 3,600,000 characters after its aliases"):
        read("\n".join(lines))


def test_a_bomb_of_empty_collections_is_a_limit() -> None:
    lines = ["a0: &a0 [[], [], [], [], [], [], [], [], []]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(LimitExceeded, match="after its aliases"):
        read("\n".join(lines))
