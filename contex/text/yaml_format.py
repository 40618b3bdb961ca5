"""YAML, one document or several. Decides how it is read; never constructs an object.

The tree is built from the parser's events, so tags can make nothing happen, depth is checked while
reading, and what an alias repeats is counted before it is followed. Scalars stay as written: `no`
stays `no`, a date stays a date. Repeated keys are all kept; a merge key adds what is not set.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from contex.errors import LimitExceeded
from contex.text.limits import (
    DEPTH_MAX,
    EXPANDED_CHARACTERS_MAX,
    FIELD,
    at,
    check_depth,
    malformed,
)
from contex.text.parsed import NULL, Array, Node, Object

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"


def read_yaml(text: str) -> Node:
    """Read a YAML stream: its only document, or an array of its documents.

    Raises:
        InvalidValue: with line, column and the parser's message.
        LimitExceeded: if it is nested too deep or its aliases expand too far.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise malformed("YAML", _place(error)) from error
    except yaml.YAMLError as error:
        raise malformed("YAML", " ".join(str(error).split())) from error
    documents = builder.documents
    if not documents:
        return NULL
    return documents[0] if len(documents) == 1 else Array(tuple(documents))


@dataclass(slots=True)
class _Built:
    """A finished node with what an alias to it would cost."""

    node: Node
    height: int
    characters: int


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen."""

    anchor: str | None
    is_mapping: bool
    parts: list[_Built] = field(default_factory=list)


class _Builder:
    """Turns events into nodes, with a stack of its own instead of the interpreter's."""

    def __init__(self) -> None:
        self.documents: list[Node] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._characters = 0

    def take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                self._anchors.clear()
            case ScalarEvent():
                self._scalar(event)
            case MappingStartEvent() | SequenceStartEvent():
                check_depth(len(self._open) + 1)
                if event.anchor is not None:
                    self._anchors[event.anchor] = None
                self._open.append(_Open(event.anchor, isinstance(event, MappingStartEvent)))
            case MappingEndEvent() | SequenceEndEvent():
                closed = self._open.pop()
                self._finish(_close(closed), closed.anchor)
            case AliasEvent():
                self._alias(event)

    def _scalar(self, event: ScalarEvent) -> None:
        is_null = not event.style and event.tag is None and event.value in _NULLS
        text = NULL if is_null else str(event.value)
        self._charge(len(text) + 1)
        self._finish(_Built(text, 0, len(text) + 1), event.anchor)

    def _alias(self, event: AliasEvent) -> None:
        mark = event.start_mark
        assert mark is not None, "events of a text carry their place"
        line, column = mark.line + 1, mark.column + 1
        if event.anchor not in self._anchors:
            problem = f"alias *{event.anchor} names no anchor"
            raise malformed("YAML", at(line, column, problem))
        built = self._anchors[event.anchor]
        if built is None:
            problem = f"alias *{event.anchor} stands inside what it repeats"
            raise malformed("YAML", at(line, column, problem))
        check_depth(len(self._open) + built.height)
        self._charge(built.characters)
        self._finish(built, None)

    def _finish(self, built: _Built, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = built
        if self._open:
            self._open[-1].parts.append(built)
        else:
            self.documents.append(built.node)

    def _charge(self, characters: int) -> None:
        self._characters += characters
        if self._characters > EXPANDED_CHARACTERS_MAX:
            raise LimitExceeded(
                f"data may have at most {EXPANDED_CHARACTERS_MAX:,} characters after its aliases "
                "are followed, got more: write the repeated parts once",
                field=FIELD,
            )


def _close(closed: _Open) -> _Built:
    parts = closed.parts
    node: Node
    if closed.is_mapping:
        names, values = parts[::2], parts[1::2]
        pairs = [(_name(name.node), value.node) for name, value in zip(names, values, strict=True)]
        node = Object(_merged(pairs))
    else:
        node = Array(tuple(part.node for part in parts))
    height = 1 + max((part.height for part in parts), default=0)
    return _Built(node, min(height, DEPTH_MAX), 1 + sum(part.characters for part in parts))


def _merged(pairs: list[tuple[str, Node]]) -> tuple[tuple[str, Node], ...]:
    if not any(name == _MERGE for name, _ in pairs):
        return tuple(pairs)
    names = {name for name, _ in pairs}
    entries: list[tuple[str, Node]] = []
    for name, node in pairs:
        sources = node.items if isinstance(node, Array) else (node,)
        if name == _MERGE and all(isinstance(source, Object) for source in sources):
            for source in sources:
                assert isinstance(source, Object)
                fresh = [entry for entry in source.entries if entry[0] not in names]
                entries += fresh
                names.update(name for name, _ in fresh)
        else:
            entries.append((name, node))
    return tuple(entries)


def _name(node: Node) -> str:
    match node:
        case str():
            return node
        case Array():
            return ", ".join(_name(item) for item in node.items)
        case Object():
            return ", ".join(f"{name} {_name(entry)}" for name, entry in node.entries)


def _place(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    return at(mark.line + 1, mark.column + 1, problem) if mark else problem
