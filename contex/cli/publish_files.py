"""Files to the gateway, as a person sees it: a plan, a moving bar, and what became of them.

Decides the words and the exit status. What is sent when, `sending` decides.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from contex.cli import sending
from contex.cli.answers import facts
from contex.cli.exits import Exit
from contex.cli.failures import Failed, failed
from contex.cli.files import Gathered
from contex.cli.gateway import Target, connected
from contex.cli.output import document, plural, printable_line, remarks, size
from contex.cli.sending import Form, Ready, Sent
from contex.client.errors import ContexClientError

FAILURES_SHOWN_MAX: Final = 50
BINARIES_NAMED_MAX: Final = 3
_BAR_FILES_MIN: Final = 5
_DETECTED: Final = "detected"


@dataclass(frozen=True, slots=True)
class How:
    """How it is done."""

    wait: bool
    dry_run: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A value that would be published, or why it would not."""

    data_key: str
    data_format: str | None
    size_bytes: int
    path: Path | None = None
    error: str | None = None


@dataclass(slots=True)
class Tally:
    """What has become of the files so far."""

    done: list[Sent] = field(default_factory=list)
    failures: list[Sent] = field(default_factory=list)
    binaries: list[Path] = field(default_factory=list)
    agents_told: int = 0
    late: int = 0

    def take(self, sent: Sent) -> None:
        """Count one."""
        if sent.skipped:
            self.binaries.append(sent.path)
        elif sent.published is None:
            self.failures.append(sent)
        else:
            self.done.append(sent)
            self.agents_told += sent.published.agents_told or 0
            self.late += sent.published.outcome is None


def publish_files(target: Target, gathered: Gathered, form: Form, how: How) -> None:
    """Publish files, or show what would be published."""
    if how.dry_run:
        _plan(gathered, form, as_json=how.as_json)
        return
    if not gathered.sources:
        raise Failed("no file is left to publish", _left_out(gathered, []))
    tally = Tally()
    began_s = time.monotonic()
    broken: Failed | None = None
    with connected(target) as client:
        wait_s = target.waiting(wanted=how.wait)
        if wait_s is None:
            results = sending.send(client, gathered.sources, form)
        else:
            results = sending.send_and_wait(client, gathered.sources, form, wait_s)
        try:
            for sent in _progress(results, len(gathered.sources)):
                tally.take(sent)
        except ContexClientError as error:
            broken = failed(error, client.url)
        except KeyboardInterrupt:
            step = "Publish them again: what has not changed is told to nobody twice."
            broken = Failed("interrupted", step, status=Exit.INTERRUPTED)
    if how.as_json:
        document(_report(target, gathered, tally))
    else:
        took_s = time.monotonic() - began_s
        _summarise(target, gathered, tally, took_s, how)
    if broken is not None:
        raise broken
    if tally.failures:
        sys.exit(Exit.FAILED)
    sys.exit(Exit.UNAVAILABLE if how.wait and tally.late else Exit.OK)


def _progress(results: Iterator[Sent], total: int) -> Iterator[Sent]:
    """Pass results on, and show how far they are where somebody watches."""
    console = remarks()
    if not console.is_terminal or console.is_dumb_terminal or total < _BAR_FILES_MIN:
        yield from results
        return
    from rich.progress import track  # noqa: PLC0415 - slow to import, and pipes need none

    yield from track(
        results, "Publishing", total=total, console=console, transient=True, show_speed=False
    )


def _plan(gathered: Gathered, form: Form, *, as_json: bool) -> None:
    planned = []
    binaries: list[Path] = []
    for source in gathered.sources:
        ready = sending.prepare(source, form)
        if isinstance(ready, Ready):
            planned.append(
                Planned(source.data_key, ready.item.data_format, ready.size_bytes, path=source.path)
            )
        elif ready.skipped:
            binaries.append(source.path)
        else:
            planned.append(Planned(source.data_key, None, 0, source.path, ready.error))
    show_plan(planned, as_json=as_json)
    left_out = _left_out(gathered, binaries)
    if left_out and not as_json:
        click.echo(left_out, err=True)
    if any(one.error for one in planned):
        sys.exit(Exit.FAILED)


def show_plan(planned: Sequence[Planned], *, as_json: bool) -> None:
    """Show what would be published."""
    if as_json:
        document(
            [
                {
                    "data_key": one.data_key,
                    "path": None if one.path is None else str(one.path),
                    "data_format": one.data_format,
                    "size_bytes": one.size_bytes,
                    "error": one.error,
                }
                for one in planned
            ]
        )
        return
    keys = [printable_line(one.data_key) for one in planned]
    width = max(map(len, keys), default=0)
    for key, one in zip(keys, planned, strict=True):
        what = f"{one.data_format or _DETECTED:<10}  {size(one.size_bytes):>8}"
        click.echo(f"{key:<{width}}  {one.error or what}")
    total = sum(one.size_bytes for one in planned)
    good = sum(one.error is None for one in planned)
    click.echo(f"Would publish {plural(good, 'value')}, {size(total)}. Nothing was sent.", err=True)


def _summarise(target: Target, gathered: Gathered, tally: Tally, took_s: float, how: How) -> None:
    for sent in tally.failures[:FAILURES_SHOWN_MAX]:
        why = printable_line(f"{sent.path}: {sent.error}")
        click.echo(f"{click.style('failed', fg='red')}  {why}", err=True)
    hidden = len(tally.failures) - FAILURES_SHOWN_MAX
    if hidden > 0:
        click.echo(f"... and {hidden:,} more; --json lists all", err=True)
    text = f"Published {plural(len(tally.done), 'value')} to {target.project} in {took_s:.1f} s"
    if how.wait:
        text += f"; agents were told {plural(tally.agents_told, 'time')}"
    if how.wait and tally.late:
        text += f"; {tally.late:,} not routed yet"
    if tally.failures:
        text += f"; {click.style(f'{len(tally.failures):,} failed', fg='red')}"
    click.echo(f"{text}.")
    left_out = _left_out(gathered, tally.binaries)
    if left_out:
        click.echo(left_out, err=True)


def _left_out(gathered: Gathered, binaries: Sequence[Path]) -> str:
    """Say what was not even tried."""
    named = ", ".join(printable_line(str(path)) for path in binaries[:BINARIES_NAMED_MAX])
    more = ", ..." if len(binaries) > BINARIES_NAMED_MAX else ""
    counts = {
        "hidden": gathered.hidden,
        "excluded": gathered.excluded,
        "links or devices": gathered.links,
        f"no UTF-8 text ({named}{more})": len(binaries),
    }
    words = [f"{count:,} {why}" for why, count in counts.items() if count]
    return f"Left out: {', '.join(words)}." if words else ""


def _report(target: Target, gathered: Gathered, tally: Tally) -> dict[str, object]:
    def rows(some: Iterable[Sent]) -> list[dict[str, object]]:
        return [
            {
                "path": str(sent.path),
                **(
                    {"status": "failed", "data_key": sent.data_key, "error": sent.error}
                    if sent.published is None
                    else facts(sent.published)
                ),
            }
            for sent in some
        ]

    return {
        "project_id": target.project,
        "published": len(tally.done),
        "failed": len(tally.failures),
        "left_out": {
            "hidden": gathered.hidden,
            "excluded": gathered.excluded,
            "links": gathered.links,
            "binary": len(tally.binaries),
        },
        "results": rows([*tally.done, *tally.failures]),
    }
