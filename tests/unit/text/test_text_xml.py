import pytest

from contex.errors import InvalidValue, LimitExceeded
from contex.records import Value
from contex.text import DEPTH_MAX, parse
from contex.text.parsed import Node, Object


def read(content: bytes | str, content_type: str = "application/xml") -> object:
    data = content.encode() if isinstance(content, str) else content
    return parse(Value(data, content_type)).body


def obj(*entries: tuple[str, Node]) -> Object:
    return Object(entries)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<a/>", obj(("a", ""))),
        ("<a>1</a>", obj(("a", "1"))),
        ("<a x='1'/>", obj(("a", obj(("x", "1"))))),
        (
            "<a x='1'>hi <b>you</b> there</a>",
            obj(("a", obj(("x", "1"), ("", "hi"), ("b", "you"), ("", "there")))),
        ),
        ("<a><b>1</b><b>2</b></a>", obj(("a", obj(("b", "1"), ("b", "2"))))),
        ("<n:a xmlns:n='urn:n' n:x='1'/>", obj(("a", obj(("x", "1"))))),
        ("<a><![CDATA[<raw> & text]]></a>", obj(("a", "<raw> & text"))),
        ("<a>&lt;&#x41;</a>", obj(("a", "<A"))),
        ("<?xml version='1.0'?><!DOCTYPE a><!-- c --><?pi x?><a>1</a>", obj(("a", "1"))),
        ("<!DOCTYPE a PUBLIC '-//X//Y' 'http://example.com/a.dtd'><a>1</a>", obj(("a", "1"))),
    ],
)
def test_reads(content: str, expected: Node) -> None:
    assert read(content) == expected


def test_the_declared_encoding_is_honoured() -> None:
    content = "<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>".encode("latin-1")
    assert read(content) == obj(("a", "é"))


def test_svg_is_xml_by_its_suffix() -> None:
    assert read("<svg/>", "image/svg+xml") == obj(("svg", ""))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<a>\n <b></a>", "line 2, column 7: mismatched tag"),
        ("", "line 1, column 1: no element found"),
        ("<a/><b/>", "line 1, column 5: junk after document element"),
        ("<a>&unknown;</a>", "line 1, column 4: undefined entity"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "it declares the entity 'x'"),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "the entity 'x'"),
        ("<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://example.com/'> %x;]><a/>", "the entity 'x'"),
    ],
)
def test_refuses(content: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(content)
    assert str(caught.value).startswith("data is not valid XML: ")
    assert problem in str(caught.value)
    assert caught.value.field == "data"


def test_an_entity_bomb_is_refused() -> None:
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
    bomb = f"<!DOCTYPE a [<!ENTITY e0 'lol'>{entities}]><a>&e9;</a>"
    with pytest.raises(InvalidValue, match="declares the entity"):
        read(bomb)


def test_attribute_defaults_are_not_multiplied() -> None:
    default = "A" * 100_000
    content = f"<!DOCTYPE r [<!ATTLIST i x CDATA '{default}'>]><r><i/><i/></r>"
    assert read(content) == obj(("r", obj(("i", ""), ("i", ""))))


def test_a_long_namespace_is_a_limit() -> None:
    with pytest.raises(LimitExceeded, match=r"namespaces of at most 512 characters, got 600"):
        read(f"<a xmlns='{'u' * 600}'/>")


def test_deep_nesting_is_a_limit() -> None:
    read("<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX)
    with pytest.raises(LimitExceeded, match="at most 64 levels deep, got 65"):
        read("<a>" * 100_000)
