"""Markdown, read for what belongs together: headings, paragraphs, lists, tables and fences.

Never fails. Marks that carry no meaning to a reader are left out; every word stays, so a link keeps
its address and a fence its code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contex.text.parsed import Block, Document, Section
from contex.text.prose import closed, lines_of

_FENCE = re.compile(r"\s*+(`{3,}+|~{3,}+)(.*)")
_ATX = re.compile(r"(#{1,6})[ \t]++(.*)")
_UNDERLINE = re.compile(r"(?:=++|-++)\s*+")
_QUOTE = re.compile(r"\s*+(?:>\s?+)*+")
_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s++(?:\[[ xX]\]\s++)?")
_RULE = re.compile(r"([-*_])[ \t]*+(?:\1[ \t]*+){2,}")
_TABLE_RULE = re.compile(r"[\s|:-]*+")
_EMPHASIS = re.compile(r"\*\*|~~|`++|(?<!\w)[*_](?=\w)|(?<=[\w.!?])[*_](?!\w)")


def read_markdown(text: str) -> Document:
    """Read Markdown: one section per heading, one block per paragraph, list, table or fence."""
    reader = _Reader()
    lines = text.splitlines()
    position = reader.take_front_matter(lines)
    while position < len(lines):
        position = reader.take(lines, position)
    return reader.finish()


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str


class _Reader:
    """Collects blocks and closes a section at every heading."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._headings: list[_Heading] = []
        self._blocks: list[Block] = []
        self._paragraph: list[str] = []

    def take_front_matter(self, lines: list[str]) -> int:
        """Take the fields between two `---` at the very start; return the next position."""
        if lines and lines[0].rstrip() == "---":
            for end, line in enumerate(lines[1:], start=1):
                if line.rstrip() in {"---", "..."}:
                    self._blocks.append(tuple(map(closed, lines_of("\n".join(lines[1:end])))))
                    return end + 1
        return 0

    def take(self, lines: list[str], position: int) -> int:
        """Take what begins at `position`; return the next position."""
        line = _QUOTE.sub("", lines[position], count=1)
        if fence := _FENCE.fullmatch(line):
            return self._fence(lines, position + 1, fence[1])
        if heading := _ATX.fullmatch(line):
            self._heading(len(heading[1]), heading[2].rstrip().rstrip("#"))
        elif self._paragraph and _UNDERLINE.fullmatch(line):
            self._heading(1 if line.startswith("=") else 2, self._paragraph.pop())
        elif not line.strip() or _RULE.fullmatch(line):
            self._end_paragraph()
        else:
            self._paragraph.append(line)
        return position + 1

    def finish(self) -> Document:
        """Return everything that was taken."""
        self._end_section()
        return Document(tuple(self._sections))

    def _fence(self, lines: list[str], start: int, opening: str) -> int:
        self._end_paragraph()
        end = start
        while end < len(lines):
            closing = _QUOTE.sub("", lines[end], count=1).strip()
            if closing.startswith(opening) and not closing.strip(opening[0]):
                break
            end += 1
        self._blocks.append(lines_of("\n".join(lines[start:end])))
        return end + 1

    def _heading(self, level: int, text: str) -> None:
        self._end_section()
        self._headings = [heading for heading in self._headings if heading.level < level]
        if name := _plain(text):
            self._headings.append(_Heading(level, name))

    def _end_paragraph(self) -> None:
        if self._paragraph:
            self._blocks.append(_table(self._paragraph) or _joined(self._paragraph))
            self._paragraph = []

    def _end_section(self) -> None:
        self._end_paragraph()
        blocks = tuple(block for block in self._blocks if block)
        if blocks or self._headings:
            headings = tuple(heading.text for heading in self._headings)
            self._sections.append(Section(headings, blocks))
        self._blocks = []


def _joined(paragraph: list[str]) -> Block:
    """Join wrapped lines; a list item begins a new one."""
    lines: list[str] = []
    for line in paragraph:
        bullet = _BULLET.match(line)
        if bullet or not lines:
            lines.append(_plain(line[bullet.end() :] if bullet else line))
        else:
            lines[-1] = f"{lines[-1]} {_plain(line)}"
    return tuple(map(closed, lines)) if len(lines) > 1 else tuple(lines)


def _table(paragraph: list[str]) -> Block:
    """Return `header: cell` lines, or nothing if it is no table."""
    header, *rest = paragraph
    if not rest or "|" not in header or "-" not in rest[0] or not _TABLE_RULE.fullmatch(rest[0]):
        return ()
    names = _cells(header)
    if len(rest) == 1:
        return (", ".join(names),)
    return tuple(_table_row(names, _cells(row)) for row in rest[1:])


def _table_row(names: list[str], cells: list[str]) -> str:
    named = [f"{name}: {cell}" for name, cell in zip(names, cells, strict=False) if cell]
    return closed(", ".join([*named, *(cell for cell in cells[len(names) :] if cell)]))


def _cells(row: str) -> list[str]:
    return [_plain(cell) for cell in row.strip().removeprefix("|").removesuffix("|").split("|")]


def _plain(text: str) -> str:
    return " ".join(_EMPHASIS.sub("", text).split())
