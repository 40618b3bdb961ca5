"""What undeclared text is. Decides conservatively: text that could be prose is prose.

Each guess first looks at the shape of the lines, which is cheap, and then has to parse. Nothing
here fails: what is too deep or too odd for a format is plain text, which keeps every word as well.
"""

import re
from collections.abc import Callable

from contex.errors import CallerError
from contex.text.csv_format import delimiter_of, read_csv, read_rows
from contex.text.json_format import read_json, read_json_lines
from contex.text.markdown_format import read_markdown
from contex.text.parsed import Array, Format, Node, Object, Parsed
from contex.text.prose import read_code, read_text
from contex.text.toml_format import read_toml
from contex.text.xml_format import read_xml
from contex.text.yaml_format import read_yaml

HEADER_CHARACTERS_MAX = 40
COLUMNS_MIN = 2
ROWS_MIN = 2
CODE_LINES_MIN = 2
CODE_SHARE_MIN = 0.3

_JSON_START = re.compile(r"""["{\[\d-]|true\b|false\b|null\b""")
_XML_START = re.compile(r"<(?:\?xml\b|!DOCTYPE\b|!--|[A-Za-z_][\w.:-]{0,100}[\s/>])")
_TOML_START = re.compile(r"""\[{1,2}[\w."' -]+\]{1,2}\s*(?:#.*)?|[\w."'-]+\s*=\s*\S.*""")
_YAML_KEY = r"""(?:[A-Za-z_$][\w./$-]*|"[^"\n]*"|'[^'\n]*')"""
_YAML_LINE = re.compile(
    rf"{_YAML_KEY}\s*:(?:\s.*)?|-(?:\s+{_YAML_KEY}\s*:(?:\s.*)?|\s*|\s.*)|#.*|---(?:\s.*)?|\.\.\.|%.*"
)
_YAML_ENTRY = re.compile(rf"-\s+{_YAML_KEY}\s*:(?:\s.*)?")
_HEADER_CELL = re.compile(r"[^\W\d](?:[\w .()/%#&:-]*[\w)%#])?")
_CODE_LINE = re.compile(
    r"""\s*(?:
        (?:async\s+)?def\s+\w+\s*\(.*|class\s+\w+.*[:{]|from\s+[\w.]+\s+import\s.*|import\s+[\w.{*'"].*
        |(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b.*\(.*|(?:const|let|var)\s+\w+\s*=.*
        |(?:pub\s+)?fn\s+\w+.*|func\s+.*\(.*|package\s+[\w.]+;?|use\s+[\w:]+.*;|\#include\s*[<"].*
        |(?:public|private|protected|static)\s+.*[({;].*|(?:if|for|while|switch)\s*\(.*\)\s*\{?
        |return\b.*;?|[})\]]+[;,)]*|.*[;{]|@\w+(?:\(.*\))?
        |(?:SELECT|INSERT\s+INTO|CREATE\s+TABLE|UPDATE|DELETE\s+FROM|ALTER\s+TABLE)\s.*
    )\s*""",
    re.VERBOSE,
)
_STRONG_CODE_LINE = re.compile(
    r"""\s*(?:(?:async\s+)?def\s+\w+\s*\(.*\).*:|class\s+\w+.*[:{]|from\s+[\w.]+\s+import\s.*
        |import\s+[\w.]+(?:\s+as\s+\w+)?;?|(?:export\s+)?(?:async\s+)?function\s+\w+\s*\(.*
        |(?:const|let|var)\s+\w+\s*=.*|(?:pub\s+)?fn\s+\w+.*\(.*|func\s+.*\(.*\{|\#include\s*[<"].*
        |(?:public|private|protected)\s+.*[({;].*
        |(?:SELECT|INSERT\s+INTO|CREATE\s+TABLE|ALTER\s+TABLE)\s.*)\s*""",
    re.VERBOSE,
)
_MARKDOWN_HEADING = re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE)
_MARKDOWN_FENCE = re.compile(r"^(?:```|~~~)", re.MULTILINE)
_MARKDOWN_MARK = re.compile(
    r"^[-*+] +\S|^\d{1,3}[.)] +\S|^>|\[[^\]\n]{1,200}\]\([^)\s]{1,2000}\)|\*\*\w|^\|.*\|\s*$",
    re.MULTILINE,
)
MARKDOWN_MARKS_MIN = 2


def detect(text: str) -> Parsed:
    """Read text of which nobody said what it is."""
    stripped = text.strip()
    if not stripped:
        return Parsed(Format.TEXT, read_text(text))
    for guess in (_json, _xml, _toml, _yaml, _csv):
        found = guess(stripped)
        if found is not None:
            return found
    if _looks_like_code(stripped):
        return Parsed(Format.CODE, read_code(text))
    if _looks_like_markdown(stripped):
        return Parsed(Format.MARKDOWN, read_markdown(text))
    return Parsed(Format.TEXT, read_text(text))


def _json(text: str) -> Parsed | None:
    if not _JSON_START.match(text):
        return None
    body = _tried(read_json, text)
    if body is None and text.startswith("{") and "\n{" in text:
        body = _tried(read_json_lines, text)
    return None if body is None else Parsed(Format.JSON, body)


def _xml(text: str) -> Parsed | None:
    if not _XML_START.match(text):
        return None
    body = _tried(read_xml, text)
    return None if body is None else Parsed(Format.XML, body)


def _toml(text: str) -> Parsed | None:
    first = next((line for line in _bare_lines(text) if not line.startswith("#")), "")
    if not _TOML_START.fullmatch(first):
        return None
    body = _tried(read_toml, text)
    if not isinstance(body, Object) or all(entry == Object(()) for _, entry in body.entries):
        return None
    return Parsed(Format.TOML, body)


def _yaml(text: str) -> Parsed | None:
    """One line is prose, as are keys of several words, repeated keys and mere bullets."""
    top = [line.rstrip() for line in text.splitlines() if line[:1].strip()]
    if "\n" not in text or not all(_YAML_LINE.fullmatch(line) for line in top):
        return None
    body = _tried(read_yaml, text)
    match body:
        case Object():
            names = [name for name, _ in body.entries]
            is_nested = any(not isinstance(entry, str) for _, entry in body.entries)
            sure = len(names) == len(set(names)) and (is_nested or len(names) > 1)
        case Array():
            sure = all(not isinstance(item, str) for item in body.items)
        case _:
            sure = False
    return Parsed(Format.YAML, body) if sure and body is not None else None


def _csv(text: str) -> Parsed | None:
    delimiter = delimiter_of(text)
    header = text.partition("\n")[0]
    if delimiter == "|" or delimiter not in header or "\n" not in text:
        return None
    try:
        rows = read_rows(text, delimiter)
    except CallerError:
        return None
    columns = len(rows[0])
    if len(rows) < ROWS_MIN or columns < COLUMNS_MIN or any(len(row) != columns for row in rows):
        return None
    if len(set(rows[0])) < columns or not all(_is_header(cell) for cell in rows[0]):
        return None
    return Parsed(Format.CSV, read_csv(text, delimiter=delimiter))


def _is_header(cell: str) -> bool:
    return len(cell) <= HEADER_CHARACTERS_MAX and _HEADER_CELL.fullmatch(cell) is not None


def _looks_like_code(text: str) -> bool:
    if text.startswith("#!"):
        return True
    lines = _bare_lines(text)
    strong = sum(1 for line in lines if _STRONG_CODE_LINE.fullmatch(line))
    likely = sum(1 for line in lines if _CODE_LINE.fullmatch(line))
    return strong > 0 and likely >= CODE_LINES_MIN and likely >= CODE_SHARE_MIN * len(lines)


def _looks_like_markdown(text: str) -> bool:
    if _MARKDOWN_HEADING.search(text) or _MARKDOWN_FENCE.search(text):
        return True
    marks = _MARKDOWN_MARK.finditer(text)
    return sum(1 for _, _ in zip(range(MARKDOWN_MARKS_MIN), marks, strict=False)) > 1


def _bare_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _tried(read: Callable[[str], Node], text: str) -> Node | None:
    try:
        return read(text)
    except CallerError:
        return None
