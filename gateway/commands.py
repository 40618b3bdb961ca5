"""The command that the gateway contributes: its description as a file.

Decides what is printed and with which exit status. Starts no gateway and asks none.
"""

from pathlib import Path

import click

from contex.cli.generated import deliver, generated_options

COMMITTED = Path("docs/openapi.json")


@click.command()
@generated_options(COMMITTED)
def openapi(*, check: bool, output: Path | None) -> None:
    r"""Print the description of the REST API, OpenAPI 3.1.

    \b
    Examples:
      contex openapi > openapi.json
      contex openapi --check --output docs/openapi.json
    """
    # All of the gateway: slow to import, and `--help` passes by here.
    from gateway.openapi.document import document, render  # noqa: PLC0415 - slow
    from gateway.routes import ROUTES  # noqa: PLC0415 - slow

    text = render(document(ROUTES))
    deliver(text, command="contex openapi", committed=COMMITTED, check=check, output=output)
