"""Values → passages to embed: formats, humanised names, and the recipe of the text."""

from contex.records.publication import VALUE_BYTES_MAX
from contex.text.formats import parse
from contex.text.humanise import humanise
from contex.text.limits import CHUNKS_MAX, DEPTH_MAX
from contex.text.media import content_type_for
from contex.text.parsed import Format, Parsed
from contex.text.passages import RECIPE, TOKENS_MAX, Passages, passages

__all__ = [
    "CHUNKS_MAX",
    "DEPTH_MAX",
    "RECIPE",
    "TOKENS_MAX",
    "VALUE_BYTES_MAX",
    "Format",
    "Parsed",
    "Passages",
    "content_type_for",
    "humanise",
    "parse",
    "passages",
]
