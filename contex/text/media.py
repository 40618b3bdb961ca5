"""Media types: which format a content type names, in which charset, and how its bytes become text.

Decides names only; reads no format.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from contex.errors import InvalidValue
from contex.text.limits import FIELD
from contex.text.parsed import Format

CONTROL_SHARE_MAX = 0.1
"""Above this share of control characters, or with any NUL, bytes are not text."""

_UTF_8 = "utf-8"
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PARAMETER = re.compile(r'(?P<name>[\w!#$&^.+-]++)\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^;"]*+))')
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_LEGACY_CHARSET = re.compile(
    r"iso8859-\d+|cp125\d|koi8-[ru]|utf-(?:8|8-sig|16|16-le|16-be|32|32-le|32-be)"
    r"|ascii|shift_jis|euc_(?:jp|kr)|gbk|gb2312|gb18030|big5|mac-roman"
)
"""Charsets by Python's name for them; its other codecs are transformations, not charsets."""

_TYPES: Mapping[str, Format] = {
    "application/json": Format.JSON,
    "application/x-json": Format.JSON,
    "text/json": Format.JSON,
    "text/x-json": Format.JSON,
    "application/jsonl": Format.JSON,
    "application/x-jsonlines": Format.JSON,
    "application/x-ndjson": Format.JSON,
    "application/ndjson": Format.JSON,
    "application/yaml": Format.YAML,
    "application/x-yaml": Format.YAML,
    "text/yaml": Format.YAML,
    "text/x-yaml": Format.YAML,
    "text/vnd.yaml": Format.YAML,
    "application/toml": Format.TOML,
    "application/x-toml": Format.TOML,
    "text/toml": Format.TOML,
    "text/x-toml": Format.TOML,
    "text/csv": Format.CSV,
    "text/x-csv": Format.CSV,
    "application/csv": Format.CSV,
    "application/x-csv": Format.CSV,
    "text/comma-separated-values": Format.CSV,
    "text/tab-separated-values": Format.CSV,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "text/markdown": Format.MARKDOWN,
    "text/x-markdown": Format.MARKDOWN,
    "text/plain": Format.TEXT,
    "text/x-log": Format.TEXT,
    "text/x-rst": Format.TEXT,
    "application/javascript": Format.CODE,
    "application/x-javascript": Format.CODE,
    "application/typescript": Format.CODE,
    "application/graphql": Format.CODE,
    "application/sql": Format.CODE,
    "application/x-python": Format.CODE,
    "application/x-sh": Format.CODE,
    "application/x-httpd-php": Format.CODE,
    "text/css": Format.CODE,
    "text/ecmascript": Format.CODE,
    "text/javascript": Format.CODE,
    "text/typescript": Format.CODE,
}
_LINES = frozenset(
    {"application/jsonl", "application/x-jsonlines", "application/x-ndjson", "application/ndjson"}
)
_SUFFIXES: Mapping[str, Format] = {
    "+json": Format.JSON,
    "+yaml": Format.YAML,
    "+xml": Format.XML,
}
_CODE_PREFIX = "text/x-"

_HINTS: Mapping[str, str] = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "ndjson": "application/x-ndjson",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xml": "application/xml",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "text": "text/plain",
    "txt": "text/plain",
    "plain": "text/plain",
    "code": "text/x-source",
    "python": "text/x-python",
    "javascript": "text/javascript",
    "typescript": "text/x-typescript",
    "java": "text/x-java",
    "go": "text/x-go",
    "rust": "text/x-rust",
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "ruby": "text/x-ruby",
    "shell": "text/x-shellscript",
    "sql": "application/sql",
}

DATA_FORMATS: Final = tuple(_HINTS)
"""What a publisher may say that a text is."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A content type, taken apart.

    Attributes:
        name: lower case, without parameters; "" when none was declared.
        parameters: by lower-case name.
        format: what it names, or None when the content has to tell.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    format: Format | None = None

    @property
    def is_lines(self) -> bool:
        """Whether every line is a JSON value of its own."""
        return self.name in _LINES


def media_type(content_type: str | None) -> MediaType:
    """Take a content type apart. One that is unknown has no format; none is refused."""
    if content_type is None:
        return MediaType("")
    name, _, rest = content_type.partition(";")
    name = name.strip().lower()
    parameters = {
        found["name"].lower(): (found["quoted"] or found["bare"] or "").strip()
        for found in _PARAMETER.finditer(rest)
    }
    return MediaType(name, parameters, _format_of(name))


def content_type_for(data_format: str) -> str:
    """Return the media type that a short hint such as "yaml" or "md" stands for.

    Raises:
        InvalidValue: listing the known hints.
    """
    content_type = _HINTS.get(data_format.strip().lower())
    if content_type is None:
        raise InvalidValue(
            f"data_format must be one of {', '.join(DATA_FORMATS)}, got {data_format[:80]!r}",
            field="data_format",
        )
    return content_type


def decode(content: bytes, media: MediaType) -> str:
    """Return the text of `content`, without a byte order mark.

    Raises:
        InvalidValue: if the charset is unknown or the bytes are not text in it.
    """
    charset = _charset(content, media)
    try:
        text = content.decode(charset)
    except UnicodeDecodeError as error:
        raise InvalidValue(
            f"data is not text: its bytes are not {charset} at position {error.start:,} "
            f"({error.reason}){_declared(media)}; Contex matches text only",
            field=FIELD,
        ) from error
    if "\x00" in text or len(_CONTROL.findall(text)) > CONTROL_SHARE_MAX * len(text):
        raise InvalidValue(
            f"data is not text: it holds binary control characters{_declared(media)}; "
            "Contex matches text only",
            field=FIELD,
        )
    return text.removeprefix("\ufeff")


def _format_of(name: str) -> Format | None:
    if name in _TYPES:
        return _TYPES[name]
    for suffix, found in _SUFFIXES.items():
        if name.endswith(suffix):
            return found
    return Format.CODE if name.startswith(_CODE_PREFIX) else None


def _charset(content: bytes, media: MediaType) -> str:
    declared = media.parameters.get("charset")
    if declared is None and media.format in {Format.XML, None}:
        inside = _XML_ENCODING.match(content.removeprefix(codecs.BOM_UTF8))
        declared = inside[1].decode("ascii") if inside else None
    if not declared:
        return _UTF_8
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        name = ""
    if not _LEGACY_CHARSET.fullmatch(name):
        raise InvalidValue(
            f"data declares the charset {declared[:40]!r}, which is not known: send UTF-8",
            field=FIELD,
        )
    return name


def _declared(media: MediaType) -> str:
    return f", declared {media.name}" if media.name else ""
