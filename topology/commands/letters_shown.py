"""Dead letters as people and programs see them: a list, one letter in full, JSON.

Decides words and lines alone.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from contex.cli.output import folded, printable, results, size
from contex.dead_letters.letter import Letter
from contex.dead_letters.payload import Payload, header_texts
from contex.dead_letters.redriving import Result
from contex.errors import InvalidRecord
from contex.records.headers import rfc3339
from contex.records.message import Received
from contex.records.redriven import Note

if TYPE_CHECKING:
    from contex.dead_letters.verdicts import Judged

MESSAGE_CHARACTERS_SHOWN_MAX: Final = 240
_INDENT: Final = "  "


def letter_facts(letter: Letter, note: Note | None) -> dict[str, Any]:
    """Return a letter as JSON."""
    info = letter.info
    tenant, project, name = letter.names
    facts: dict[str, Any] = {
        "place": str(letter.place),
        "at": _time(letter.at_ms),
        "stage": info.stage if info else None,
        "original": str(letter.failed) if info else None,
        "key": letter.key_text,
        "tenant": tenant,
        "project": project,
        "name": name,
        "size_bytes": letter.size_bytes,
        "value_omitted_bytes": letter.omitted_bytes,
        "error_class": info.error_class if info else None,
        "message": info.message if info else None,
        "attempts": info.attempt if info else None,
        "first_failed_at": _time(info.first_failed_at_ms) if info else None,
        "redriven_before": letter.redriven.count if letter.redriven else 0,
        "redriven": None,
    }
    if note is not None:
        facts["redriven"] = {"to": str(note.to), "at": _time(note.at_ms)}
    return facts


def print_list(letters: Sequence[tuple[Letter, Note | None]]) -> None:
    """Print letters, each with its place alone in a line, so that it can be copied whole."""
    width = results().width
    for number, (letter, note) in enumerate(letters):
        place, *about = list_lines(letter, note, width)
        click.echo(("\n" if number else "") + click.style(place, bold=True))
        for line in about:
            click.echo(line)


def list_lines(letter: Letter, note: Note | None, width: int) -> list[str]:
    """Return a letter's place; when, which key and which error; and what was said of it."""
    info = letter.info
    facts = [_time(letter.at_ms), letter.key_text or "(no key)"]
    words = "its headers cannot be read"
    if info is not None:
        facts.append(info.error_class.rpartition(".")[2])
        words = info.message.strip().partition("\n")[0]
    if note is not None:
        facts.append(f"redriven to {note.to}")
    if len(words) > MESSAGE_CHARACTERS_SHOWN_MAX:
        words = words[: MESSAGE_CHARACTERS_SHOWN_MAX - 1] + "…"
    told = (folded(printable(text), width, _INDENT) for text in ("  ".join(facts), words) if text)
    return [str(letter.place), *(line for lines in told for line in lines)]


def print_letter(letter: Letter, note: Note | None, received: Received, payload: Payload) -> None:
    """Print one letter in full."""
    lines = [
        f"{letter.place}  {_time(letter.at_ms)}",
        f"key: {letter.key_text}" if letter.key is not None else "no key",
    ]
    if letter.info is not None:
        info = letter.info
        lines += [
            f"failed: {letter.failed} in {info.stage}",
            f"tried: {info.attempt} in all, first {_time(info.first_failed_at_ms)}",
            f"error: {info.error_class}: {info.message}",
        ]
    if note is not None:
        lines.append(f"redriven: to {note.to} at {_time(note.at_ms)}")
    lines += ["headers:", *(f"  {name}: {text}" for name, text in header_texts(received.headers))]
    lines += [_payload_line(letter, payload), payload.text]
    if payload.truncated:
        lines.append("... (the rest is not shown)")
    text = printable("\n".join(line for line in lines if line))
    results().print(Text(text), soft_wrap=True)


def full_facts(
    letter: Letter, note: Note | None, received: Received, payload: Payload
) -> dict[str, Any]:
    """Return one letter in full as JSON."""
    value = received.value
    return {
        **letter_facts(letter, note),
        "headers": [{"name": name, "text": text} for name, text in header_texts(received.headers)],
        "key_base64": None if received.key is None else base64.b64encode(received.key).decode(),
        "value": {
            "form": payload.form,
            "about": payload.about,
            "text": payload.text,
            "truncated": payload.truncated,
            "size_bytes": None if value is None else len(value),
        },
    }


def result_facts(result: Result) -> dict[str, Any]:
    """Return what became of a letter as JSON."""
    judged = result.judged
    return {
        "place": str(judged.letter.place),
        "original": str(judged.letter.failed) if judged.letter.failed else None,
        "key": judged.letter.key_text,
        "outcome": _outcome(result),
        "reason": result.error or judged.reason or None,
        "to": str(result.to) if result.to else None,
    }


def result_line(result: Result) -> str:
    """Return what became of a letter in a line."""
    letter = result.judged.letter
    words = _outcome(result) + (f" to {result.to}" if result.to else "")
    reason = result.error or result.judged.reason
    return printable(
        f"{letter.place}  {letter.key_text}  {words}" + (f": {reason}" if reason else "")
    )


def counted(every: Iterable[Result]) -> dict[str, int]:
    """Count results by outcome."""
    counts: dict[str, int] = {}
    for result in every:
        outcome = _outcome(result)
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def planned(judged: "Iterable[Judged]") -> list[Result]:
    """Return results of a plan that is not carried out."""
    return [Result(one) for one in judged]


def _outcome(result: Result) -> str:
    if result.to is not None:
        return "redriven"
    if result.error:
        return "failed"
    return result.judged.verdict.value


def _payload_line(letter: Letter, payload: Payload) -> str:
    if letter.omitted_bytes is not None:
        return f"value: left out, {size(letter.omitted_bytes)} were too large for a dead letter"
    if payload.form == "none":
        return "value: none (a tombstone)"
    about = f" ({payload.about})" if payload.about else ""
    return f"value: {payload.form}, {size(letter.size_bytes or 0)}{about}"


def _time(time_ms: int) -> str:
    try:
        return rfc3339(time_ms)
    except InvalidRecord:
        return str(time_ms)
