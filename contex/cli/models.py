"""The commands `contex models fetch` and `contex models path`.

Decides what a person reads about model weights. Never decides where they are.
"""

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from contex.embedding.models import DEFAULT, Location, fetch, locate
from contex.errors import ContexError

_PLACES = {
    "path": "a folder of yours",
    "package": "an installed Python package",
    "cache": "the cache",
}

_model = click.argument("model", default=DEFAULT, envvar="CONTEX_MODEL")


@click.group()
def models() -> None:
    """Bring embedding models to this machine and say where they are."""


@models.command("fetch")
@_model
def fetch_command(model: str) -> None:
    """Bring MODEL to this machine, unless it is here.

    MODEL is a name on the model hub; without it, the one that CONTEX_MODEL names, or the default.
    """
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
    )
    task = bars.add_task(f"Fetching {model}", total=None)

    def show(source: str, done_bytes: int, total_bytes: int | None) -> None:
        description = f"Fetching {model} from {source}"
        bars.update(task, description=description, completed=done_bytes, total=total_bytes)

    try:
        with bars:
            location = fetch(model, show)
    except ContexError as error:
        raise click.ClickException(str(error)) from error
    _say(console, location)


@models.command("path")
@_model
def path_command(model: str) -> None:
    """Print the folder that holds MODEL's weights."""
    try:
        location = locate(model)
    except ContexError as error:
        raise click.ClickException(str(error)) from error
    _say(Console(stderr=True), location)


def _say(console: Console, location: Location) -> None:
    """Put the path alone on standard output, so that it can be piped; the words beside it."""
    console.print(f"{location.name} is in {_PLACES[location.source]}:", highlight=False)
    click.echo(location.path)
