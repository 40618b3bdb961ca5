"""Updates and values as people read them in a terminal, and as programs read them in JSON.

Decides colours, what is cut off, and the members of the JSON. Asks nobody anything: a value that
came by reference is named, not fetched.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from contex.cli.output import printable
from contex.client.data import Told
from contex.client.types import Item, Match, Update

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

DATA_LINES_MAX: Final = 3
ITEMS_SHOWN_MAX: Final = 50
_INDENT: Final = 10
_KIND_CHARACTERS: Final = 9
_STYLES: Final = {
    "initial": "bold blue",
    "matched": "bold green",
    "updated": "bold cyan",
    "retracted": "bold yellow",
    "deleted": "bold red",
    "reset": "bold magenta",
}
_INITIAL: Final = "initial"
_RESET: Final = "reset"


def show_update(console: "Console", update: Update) -> None:
    """Print one update: a line per value, its needs, and the first lines of its data."""
    for number, line in enumerate(_lines(update, console.width)):
        if number == 0:
            line.stylize(_STYLES.get(update.kind, "bold"), _INDENT, _INDENT + len(update.kind))
        line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True)


def _lines(update: Update, width: int) -> Iterator["Text"]:
    from rich.text import Text  # noqa: PLC0415 - not needed for JSON

    head = Text(f"{_clock(update.timestamp):<{_INDENT}}{update.kind:<{_KIND_CHARACTERS}}  ")
    if update.kind == _RESET:
        yield head.append("forget everything: the feed begins anew")
        return
    if update.kind == _INITIAL:
        yield head.append(_counted(update))
    for item in update.items[:ITEMS_SHOWN_MAX]:
        known = printable(f"{item.data_key}  revision {item.revision}")
        if update.kind == _INITIAL:
            yield Text(" " * _INDENT + known, "bold")
        else:
            yield head.append(known, "bold")
            head = Text(" " * (_INDENT + _KIND_CHARACTERS + 2))
        yield from (Text(" " * (_INDENT + 2) + line, "dim") for line in _needs(item))
        if item.needs:
            lines_max = 1 if update.kind == _INITIAL else DATA_LINES_MAX
            shown = preview(item, width - _INDENT - 2, lines_max)
            yield from (Text(" " * (_INDENT + 2) + line) for line in shown)
    if len(update.items) > ITEMS_SHOWN_MAX:
        yield Text(f"{' ' * _INDENT}... and {len(update.items) - ITEMS_SHOWN_MAX} more")


def _counted(update: Update) -> str:
    count = len(update.items)
    text = f"{count} {'value matches' if count == 1 else 'values match'}"
    if update.omitted_total:
        text += f", {update.omitted_total:,} more did not fit the token budget"
    return text


def _needs(item: Item) -> list[str]:
    return [printable(f"{need.score:.2f} for: {need.need}") for need in item.needs]


def preview(told: Told, width: int, lines_max: int) -> list[str]:
    """Return the first lines of a value's data, none longer than `width`."""
    if not told.body.known:
        return [f"(large: {told.tokens:,} tokens, GET {told.reference})"]
    lines = [
        printable(line.rstrip()) for line in text_of(told.body.data).splitlines() if line.strip()
    ]
    rest = len(lines) - lines_max
    shown = lines if rest == 1 else lines[:lines_max]
    cut = [_cut(line, width) for line in shown]
    return [*cut, f"({rest:,} more lines)"] if rest > 1 else cut


def one_line(told: Told) -> str:
    """Return the beginning of a value's data in one line."""
    if not told.body.known:
        return f"(large: {told.tokens:,} tokens)"
    return " ".join(text_of(told.body.data).split())


def text_of(data: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """Return data as text: text as it is, the rest as JSON, bytes by their number."""
    if isinstance(data, str):
        return data
    if isinstance(data, bytes):
        return f"({len(data):,} bytes that are no text)"
    return json.dumps(data, ensure_ascii=False)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 3)] + "..."


def _clock(timestamp: str | None) -> str:
    try:
        return datetime.fromisoformat(timestamp or "").astimezone().strftime("%H:%M:%S")
    except ValueError:
        return ""


def update_members(update: Update) -> dict[str, object]:
    """Return an update as JSON, with the names of the REST API."""
    return {
        "kind": update.kind,
        "timestamp": update.timestamp,
        "project_id": update.project_id,
        "agent_id": update.agent_id,
        "epoch": update.epoch,
        "update_id": update.update_id or None,
        "cursor": update.cursor,
        "items": [_item(item) for item in update.items],
        "omitted": [
            {
                "data_key": one.data_key,
                "revision": one.revision,
                "score": one.score,
                "tokens": one.tokens,
            }
            for one in update.omitted
        ],
        "omitted_total": update.omitted_total,
    }


def match_members(match: Match) -> dict[str, object]:
    """Return a match as JSON, with the names of the REST API."""
    return {
        **_told(match),
        "scores": dict(match.scores),
        "published_at": match.published_at,
    }


def _item(item: Item) -> dict[str, object]:
    needs: Sequence[dict[str, object]] = [
        {"need": need.need, "score": need.score, "threshold": need.threshold} for need in item.needs
    ]
    return {**_told(item), "needs": needs}


def _told(told: Told) -> dict[str, object]:
    return {
        "data_key": told.data_key,
        "revision": told.revision,
        "score": told.score,
        "data": _json(told),
        "content_type": told.content_type,
        "metadata": dict(told.metadata),
        "reference": told.reference,
        "tokens": told.tokens,
    }


def _json(told: Told) -> object:
    data = told.body.data if told.body.known else None
    return text_of(data) if isinstance(data, bytes) else data
