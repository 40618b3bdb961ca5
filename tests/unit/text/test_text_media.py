import pytest

from contex.errors import InvalidValue, LimitExceeded
from contex.records import Value
from contex.text import VALUE_BYTES_MAX, Format, content_type_for, parse
from contex.text.media import media_type
from contex.text.parsed import Document, Object, Section


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", Format.JSON),
        ("Application/JSON; charset=utf-8", Format.JSON),
        ("application/vnd.api+json", Format.JSON),
        ("application/x-ndjson", Format.JSON),
        ("text/yaml", Format.YAML),
        ("text/x-yaml", Format.YAML),
        ("application/x-yaml;charset=UTF-8", Format.YAML),
        ("application/openapi+yaml", Format.YAML),
        ("application/toml", Format.TOML),
        ("text/csv; header=present", Format.CSV),
        ("text/tab-separated-values", Format.CSV),
        ("text/xml", Format.XML),
        ("application/atom+xml", Format.XML),
        ("text/markdown; variant=GFM", Format.MARKDOWN),
        ("text/x-python", Format.CODE),
        ("text/x-anything", Format.CODE),
        ("text/javascript", Format.CODE),
        ("text/plain", Format.TEXT),
        ("application/octet-stream", None),
        ("text/html", None),
        ("", None),
        (";;;", None),
        (None, None),
    ],
)
def test_content_types(content_type: str | None, expected: Format | None) -> None:
    assert media_type(content_type).format is expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/csv", {}),
        ("text/csv;HEADER = absent ; charset=utf-8", {"header": "absent", "charset": "utf-8"}),
        ('text/csv; charset="utf-8"; x="a;b"', {"charset": "utf-8", "x": "a;b"}),
        ("text/csv; charset*=utf-8''x", {}),
        ('text/csv; ; =x; charset="open', {"charset": ""}),
    ],
)
def test_parameters(content_type: str, expected: dict[str, str]) -> None:
    assert media_type(content_type).parameters == expected


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("json", Format.JSON),
        ("yaml", Format.YAML),
        ("yml", Format.YAML),
        ("toml", Format.TOML),
        ("csv", Format.CSV),
        ("tsv", Format.CSV),
        ("xml", Format.XML),
        ("markdown", Format.MARKDOWN),
        (" MD ", Format.MARKDOWN),
        ("text", Format.TEXT),
        ("code", Format.CODE),
        ("cpp", Format.CODE),
        ("sql", Format.CODE),
    ],
)
def test_hints(hint: str, expected: Format) -> None:
    assert media_type(content_type_for(hint)).format is expected


def test_an_unknown_hint_lists_the_known() -> None:
    with pytest.raises(InvalidValue, match=r"one of json, .*yaml, .*sql, got 'docx'") as caught:
        content_type_for("docx")
    assert caught.value.field == "data_format"


def text_of(value: Value) -> str:
    body = parse(value).body
    assert isinstance(body, Document)
    return body.sections[0].blocks[0][0]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("é".encode(), "text/plain"),
        ("\ufeffé".encode(), "text/plain"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1"),
        ("é".encode("cp1252"), 'text/plain; charset="windows-1252"'),
        ("é".encode("utf-16"), "text/plain; charset=utf-16"),
        ("\ufeffé".encode("utf-16-le"), "text/plain; charset=UTF-16LE"),
        ("é".encode(), "text/plain; charset="),
    ],
)
def test_charsets(content: bytes, content_type: str) -> None:
    assert text_of(Value(content, content_type)) == "é"


@pytest.mark.parametrize(
    "charset", ["klingon", "rot13", "zlib", "idna", "utf-7", "a\x00b", "x" * 99]
)
def test_an_unknown_charset_is_refused(charset: str) -> None:
    with pytest.raises(InvalidValue, match="which is not known: send UTF-8"):
        parse(Value(b"x", f'text/plain; charset="{charset}"'))


@pytest.mark.parametrize(
    ("content", "content_type", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n", None, "its bytes are not utf-8 at position 0"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "declared image/png; Contex matches text only"),
        (b"ab\x00cd", "text/plain", "binary control characters, declared text/plain"),
        (b"ab\x00cd", None, "binary control characters; Contex matches text only"),
        (b"\x01\x02\x03\x04", None, "binary control characters"),
        ("é".encode("latin-1"), "application/json", "not utf-8 at position 0"),
        (b"\xd8\x00", "text/plain; charset=utf-16-be", "not utf-16-be at position 0"),
    ],
)
def test_what_is_not_text_is_refused(
    content: bytes, content_type: str | None, problem: str
) -> None:
    with pytest.raises(InvalidValue, match="data is not text: ") as caught:
        parse(Value(content, content_type))
    assert problem in str(caught.value)
    assert caught.value.field == "data"


def test_colours_of_a_terminal_are_text() -> None:
    assert text_of(Value(b"\x1b[31mred\x1b[0m alert")) == "\x1b[31mred\x1b[0m alert"


def test_an_unknown_media_type_is_detected() -> None:
    assert parse(Value(b'{"a": 1}', "application/octet-stream")).body == Object((("a", "1"),))


def test_size_is_limited() -> None:
    parse(Value(b"a" * VALUE_BYTES_MAX, "text/plain"))
    with pytest.raises(
        LimitExceeded, match=r"at most 900,000 bytes, got 900,001: publish"
    ) as caught:
        parse(Value(b"a" * (VALUE_BYTES_MAX + 1), "text/plain"))
    assert caught.value.field == "data"


@pytest.mark.parametrize("content", [b"", b" \n ", b"\xef\xbb\xbf"])
def test_nothing_is_text(content: bytes) -> None:
    parsed = parse(Value(content))
    assert parsed.format is Format.TEXT
    assert parsed.body == Document((Section((), ()),))
