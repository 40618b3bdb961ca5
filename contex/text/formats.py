"""A value's bytes → what they say. Decides which reader reads them; knows no format itself.

A declared structured type has to parse; undeclared text is read as what it clearly is, and as
plain text otherwise.
"""

from collections.abc import Callable, Mapping

from contex.records import Value
from contex.records.publication import check_size
from contex.text.csv_format import read_csv
from contex.text.detect import detect
from contex.text.json_format import read_json, read_json_lines
from contex.text.markdown_format import read_markdown
from contex.text.media import MediaType, decode, media_type
from contex.text.parsed import Document, Format, Node, Parsed
from contex.text.prose import read_code, read_text
from contex.text.toml_format import read_toml
from contex.text.xml_format import read_xml
from contex.text.yaml_format import read_yaml

_READERS: Mapping[Format, Callable[[str], Node | Document]] = {
    Format.JSON: read_json,
    Format.YAML: read_yaml,
    Format.TOML: read_toml,
    Format.XML: read_xml,
    Format.MARKDOWN: read_markdown,
    Format.CODE: read_code,
    Format.TEXT: read_text,
}


def parse(value: Value) -> Parsed:
    """Read a value as its content type says, or as what it is when it says nothing.

    Raises:
        InvalidValue: if it is not what its content type says, or not text at all.
        LimitExceeded: if it is too large or too deep.
    """
    check_size(len(value.content))
    media = media_type(value.content_type)
    text = decode(value.content, media)
    if media.format is None:
        return detect(text)
    return Parsed(media.format, _read(media.format, media, text))


def _read(declared: Format, media: MediaType, text: str) -> Node | Document:
    if declared is Format.CSV:
        delimiter = "\t" if media.name == "text/tab-separated-values" else None
        has_header = media.parameters.get("header", "").lower() != "absent"
        return read_csv(text, delimiter=delimiter, has_header=has_header)
    if media.is_lines:
        return read_json_lines(text)
    return _READERS[declared](text)
