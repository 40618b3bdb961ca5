"""The command `contex listen`: what an agent is told, as it is told.

Decides when it ends and what is said beside the updates. What is dropped as old and how it connects
again is the client's.
"""

import sys
from threading import Timer
from typing import TYPE_CHECKING, Any

import click

from contex.cli.exits import Exit
from contex.cli.gateway import Target, connected, gateway_options, target_of
from contex.cli.output import line, results
from contex.cli.showing import show_update, update_members
from contex.settings.reading import without_password

if TYPE_CHECKING:
    from contex.client.blocking_updates import Updates


@click.command()
@click.argument("agent", metavar="AGENT")
@click.option("--cursor", help="Go on from here: a registration's cursor, or an update's.")
@click.option("--count", "-n", type=click.IntRange(min=1), help="End after so many updates.")
@click.option(
    "--until-quiet",
    "quiet_s",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="End when nothing came for so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per update.")
@gateway_options(project_required=False)
def listen(
    agent: str,
    *,
    cursor: str | None,
    count: int | None,
    quiet_s: float | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    r"""Show what AGENT is told, as it is told.

    It begins with all that the agent holds (its newest `initial`), or at --cursor; connects again
    by itself after every break, without loss or repeats; and ends with Ctrl-C, status 130.

    \b
    Examples:
      contex listen helper -p demo
      contex listen helper -p demo --json | jq -r '.items[].data_key'
      contex listen helper -p demo --count 1 --json
      contex listen helper -p demo --until-quiet 5
    """
    target = target_of(options)
    with connected(target) as client:
        updates = client.updates(agent, cursor=cursor)
        updates.on_break = _say_break
        where = f"{_where(target)} at {without_password(client.url)}"
        click.echo(f"Listening to {agent}{where}; Ctrl-C ends.", err=True)
        try:
            with updates:
                _follow(updates, count, quiet_s, as_json=as_json)
        except KeyboardInterrupt:
            _say_where(agent, target, updates)
            sys.exit(Exit.INTERRUPTED)
        if not as_json:
            _say_where(agent, target, updates)


def _follow(updates: "Updates", count: int | None, quiet_s: float | None, *, as_json: bool) -> None:
    console = None if as_json else results()
    quiet = _Quiet(updates, quiet_s)
    try:
        for number, update in enumerate(updates, start=1):
            quiet.restart()
            if console is None:
                line(update_members(update))
            else:
                show_update(console, update)
            if number == count:
                return
    finally:
        quiet.stop()


class _Quiet:
    """Closes a stream after some time without an update."""

    def __init__(self, updates: "Updates", quiet_s: float | None) -> None:
        self._updates = updates
        self._quiet_s = quiet_s
        self._timer: Timer | None = None
        self.restart()

    def restart(self) -> None:
        """Begin to count anew."""
        self.stop()
        if self._quiet_s is not None:
            self._timer = Timer(self._quiet_s, self._updates.close)
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()


def _say_break(why: str, wait_s: float) -> None:
    mark = click.style("!", fg="yellow")
    click.echo(f"{mark} {why}; connecting again in {wait_s:.1f} s", err=True)


def _say_where(agent: str, target: Target, updates: "Updates") -> None:
    if updates.cursor:
        project = f" -p {target.project}" if target.project else ""
        click.echo(f"Go on: contex listen {agent}{project} --cursor {updates.cursor}", err=True)


def _where(target: Target) -> str:
    return f" in {target.project}" if target.project else ""
