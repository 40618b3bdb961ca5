"""The command that the gateway contributes: its description as a file.

Decides what is printed and with which exit status. Starts no gateway and asks none.
"""

import sys
from pathlib import Path

import click

from contex.cli.exits import Exit
from gateway.openapi.document import document, render
from gateway.routes import ROUTES

COMMITTED = Path("docs/openapi.json")


@click.command()
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit with 1 when the file is not what would be written.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The file to write, or to check ({COMMITTED}). Left out: standard output.",
)
def openapi(*, check: bool, output: Path | None) -> None:
    r"""Print the description of the REST API, OpenAPI 3.1.

    \b
    Examples:
      contex openapi > openapi.json
      contex openapi --check --output docs/openapi.json
    """
    text = render(document(ROUTES))
    if check:
        _check(output or COMMITTED, text)
    elif output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _check(path: Path, text: str) -> None:
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found != text:
        reason = "is not there" if found is None else "is out of date"
        click.echo(f"{path} {reason}. Run: contex openapi --output {path}", err=True)
        sys.exit(Exit.FAILED)
    click.echo(f"{path} is up to date.")
