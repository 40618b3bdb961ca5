"""Text without fields or headings: prose and source code. Decides what belongs together.

Never fails and drops nothing but empty lines.
"""

import re

from contex.text.parsed import Block, Document, Section

_CLOSED = tuple(".!?:;,\u3002\uff01\uff1f\u2026")
_BLANK = re.compile(r"\n[^\S\n]*+\n\s*+")


def read_text(text: str) -> Document:
    """Read prose: one block per paragraph, its lines joined."""
    paragraphs = tuple((" ".join(block.split()),) for block in _blocks(text))
    return Document((Section((), paragraphs),))


def read_code(text: str) -> Document:
    """Read source code: one block per group of lines without an empty line between."""
    return Document((Section((), tuple(lines_of(block) for block in _blocks(text))),))


def lines_of(text: str) -> Block:
    """Return the lines that are not empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def closed(text: str) -> str:
    """Return `text` with an end that keeps it apart from what follows."""
    return text if text.endswith(_CLOSED) else f"{text}."


def _blocks(text: str) -> list[str]:
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return [block for block in _BLANK.split(unified) if block.strip()]
