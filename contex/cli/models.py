"""The commands `contex models fetch` and `contex models path`.

Decides what a person reads about model weights. Never decides where they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.groups import GuessingGroup
from contex.cli.output import remarks
from contex.embedding.models import DEFAULT, Location, fetch, locate
from contex.errors import ContexError, DependencyAway

_PLACES = {
    "path": "a folder of yours",
    "package": "an installed Python package",
    "cache": "the cache",
}

_model = click.argument("model", default=DEFAULT, envvar="CONTEX_MODEL")


@click.group(cls=GuessingGroup)
def models() -> None:
    r"""Bring embedding models to this machine and say where they are.

    \b
    Examples:
      contex models fetch
      contex models path
    """


@models.command("fetch")
@_model
def fetch_command(model: str) -> None:
    r"""Bring MODEL to this machine, unless it is here.

    MODEL is a name on the model hub; without it, the one that CONTEX_MODEL names, or the default.

    \b
    Examples:
      contex models fetch
      contex models fetch sentence-transformers/all-MiniLM-L6-v2
    """
    console = remarks()
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bars.add_task(f"Fetching {model}", total=None)

    def show(source: str, done_bytes: int, total_bytes: int | None) -> None:
        description = f"Fetching {model} from {source}"
        bars.update(task, description=description, completed=done_bytes, total=total_bytes)

    with _errors_told(), bars:
        location = fetch(model, show)
    _say(location)


@models.command("path")
@_model
def path_command(model: str) -> None:
    r"""Print the folder that holds MODEL's weights.

    \b
    Examples:
      contex models path
      ls "$(contex models path)"
    """
    with _errors_told():
        location = locate(model)
    _say(location)


@contextmanager
def _errors_told() -> Iterator[None]:
    """End the command with words; weights that are not here, or no hub, are an absent dependency.

    Raises:
        Failed: always, when what is inside fails on purpose.
    """
    try:
        yield
    except ContexError as error:
        away = isinstance(error, DependencyAway)
        raise Failed(str(error), status=Exit.UNAVAILABLE if away else Exit.FAILED) from error


def _say(location: Location) -> None:
    """Put the path alone on standard output, so that it can be piped; the words beside it."""
    click.echo(f"{location.name} is in {_PLACES[location.source]}:", err=True)
    click.echo(location.path)
