"""XML. Decides how elements become names and text; never expands or fetches an entity.

Attributes and children are entries alike. Text between elements keeps its place under the name "".
Namespaces, comments and processing instructions say nothing to a reader and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from defusedxml import DefusedXmlException, EntitiesForbidden
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from contex.errors import LimitExceeded
from contex.text.limits import FIELD, at, check_depth, malformed
from contex.text.parsed import Node, Object

NAMESPACE_CHARACTERS_MAX = 512
"""The parser writes the namespace out with every new name: a long one would multiply."""


def read_xml(text: str) -> Node:
    """Read an XML document.

    Raises:
        InvalidValue: with line, column and the parser's message.
        LimitExceeded: if it is nested too deep or a namespace is too long.
    """
    target = _Target()
    parser = DefusedXMLParser(target=target)
    # Defaults declared once in a DTD would be repeated at every element.
    parser.parser.specified_attributes = True
    try:
        parser.feed(text)
        parser.close()
    except ParseError as error:
        line, column = error.position
        raise malformed("XML", at(line, column + 1, str(error).partition(":")[0])) from error
    except EntitiesForbidden as error:
        raise malformed("XML", f"it declares the entity {error.name!r}: write it out") from error
    except DefusedXmlException as error:
        raise malformed("XML", "it refers to something outside itself") from error
    return target.root()


@dataclass(slots=True)
class _Element:
    """An element whose end has not been seen."""

    name: str
    entries: list[tuple[str, Node]]
    text: list[str] = field(default_factory=list)


class _Target:
    """Receives the parser's calls and builds nodes with a stack of its own."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._root: tuple[str, Node] | None = None

    def start_ns(self, _prefix: str, uri: str) -> None:
        if len(uri) > NAMESPACE_CHARACTERS_MAX:
            raise LimitExceeded(
                f"data may have XML namespaces of at most {NAMESPACE_CHARACTERS_MAX} characters, "
                f"got {len(uri):,}",
                field=FIELD,
            )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        check_depth(len(self._open) + 1)
        if self._open:
            _take_text(self._open[-1])
        entries: list[tuple[str, Node]] = [
            (_local(name), value) for name, value in attributes.items()
        ]
        self._open.append(_Element(_local(tag), entries))

    def end(self, _tag: str) -> None:
        closed = self._open.pop()
        node: Node
        if closed.entries:
            _take_text(closed)
            node = Object(tuple(closed.entries))
        else:
            node = "".join(closed.text).strip()
        if self._open:
            self._open[-1].entries.append((closed.name, node))
        else:
            self._root = (closed.name, node)

    def data(self, text: str) -> None:
        self._open[-1].text.append(text)

    def root(self) -> Node:
        assert self._root is not None, "the parser accepts no document without a root"
        return Object((self._root,))


def _take_text(element: _Element) -> None:
    text = "".join(element.text).strip()
    if text:
        element.entries.append(("", text))
    element.text.clear()


def _local(name: str) -> str:
    return name.rpartition("}")[2]
