"""What a value says, once its format no longer matters. Never raises, never reads bytes.

Two shapes are enough: data (names and scalars, nested) and documents (headed blocks of lines).
Scalars are kept as the text that was written, so `1.10` stays `1.10`, a date keeps its form and an
integer of any size costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """How a value was read."""

    JSON = "json"
    YAML = "yaml"
    TOML = "toml"
    CSV = "csv"
    XML = "xml"
    MARKDOWN = "markdown"
    CODE = "code"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Object:
    """Named entries in the order written; a name may repeat, and "" names the parent's own text."""

    entries: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Array:
    """Entries without names."""

    items: tuple[Node, ...]


Node = str | Object | Array

Block = tuple[str, ...]
"""Lines that belong together: a paragraph, a list, a group of lines of code."""


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks under a heading.

    Attributes:
        headings: the heading and those above it, outermost first; empty before the first heading.
        blocks: what stands under it, in order.
    """

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Text in reading order."""

    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value that has been read."""

    format: Format
    body: Node | Document


NULL = "null"
"""The text of an explicit nothing, in every format that has one."""
