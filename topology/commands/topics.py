"""Commands about topics: plan, apply, diagram, asyncapi.

Decides what is printed and with which exit status. Never deletes, never asks.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contex.cli.exits import Exit
from contex.cli.generated import deliver, generated_options
from contex.cli.groups import GuessingGroup
from contex.cli.output import document
from topology.commands.where import data_option, errors_told, require_kafka, settings_here
from topology.plan import make_plan
from topology.report import describe_change, describe_plan, plan_facts

if TYPE_CHECKING:
    from contex.log.admin import Cluster

EXIT_CHANGES = 2
COMMITTED = Path("docs/asyncapi.json")


@click.group(cls=GuessingGroup)
def topics() -> None:
    r"""Compare the cluster's topics with the catalogue, and provision them.

    \b
    Examples:
      contex topics plan
      contex topics apply
    """


@topics.command()
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 when there is something to change, 0 when there is not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def plan(*, detailed_exitcode: bool, as_json: bool, data: Path) -> None:
    r"""Print what `apply` would do.

    The exit status is 1 when there is a difference that only a migration can settle.

    \b
    Examples:
      contex topics plan
      contex topics plan --detailed-exitcode || contex topics apply
    """
    from topology.provision import read  # noqa: PLC0415 - Kafka's library: slow to import

    with _cluster(data) as cluster:
        made = make_plan(read(cluster))
    if as_json:
        document(plan_facts(made))
    else:
        click.echo(describe_plan(made))
    if made.refusals:
        sys.exit(Exit.FAILED)
    if detailed_exitcode and made.changes:
        sys.exit(EXIT_CHANGES)


@topics.command()
@data_option
def apply(*, data: Path) -> None:
    r"""Create what is missing and repair what differs; deletes nothing.

    \b
    Example:
      KAFKA_BOOTSTRAP_SERVERS=kafka-1:9092 contex topics apply
    """
    from topology.provision import apply as apply_plan  # noqa: PLC0415 - as above
    from topology.provision import read  # noqa: PLC0415 - as above

    with _cluster(data) as cluster:
        made = make_plan(read(cluster))
        if made.refusals or not made.changes:
            click.echo(describe_plan(made))
            sys.exit(Exit.FAILED if made.refusals else Exit.OK)
        done = apply_plan(cluster, made)
    for change in done:
        click.echo(describe_change(change))
    click.echo(f"Applied {len(done)} of {len(made.changes)} changes; deleted nothing.")


@topics.command("diagram")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid"]),
    default="text",
    show_default=True,
    help="For a terminal, or for a page.",
)
def diagram_(form: str) -> None:
    r"""Print the topics and the stages between them.

    \b
    Examples:
      contex topics diagram
      contex topics diagram --format mermaid > topics.mmd
    """
    from topology import diagram  # noqa: PLC0415 - not needed by the others

    click.echo(diagram.mermaid() if form == "mermaid" else diagram.text())


@topics.command("asyncapi")
@generated_options(COMMITTED)
def asyncapi_(*, check: bool, output: Path | None) -> None:
    r"""Print the description of the topics, AsyncAPI 3.0.

    \b
    Examples:
      contex topics asyncapi > asyncapi.json
      contex topics asyncapi --check --output docs/asyncapi.json
    """
    from topology import asyncapi  # noqa: PLC0415 - not needed by the others

    text = asyncapi.render(asyncapi.document())
    command = "contex topics asyncapi"
    deliver(text, command=command, committed=COMMITTED, check=check, output=output)


@contextmanager
def _cluster(data: Path) -> Iterator["Cluster"]:
    """Lend the cluster that is meant here; its errors end the command in words."""
    from contex.log.admin import Cluster  # noqa: PLC0415 - as above

    bootstrap = settings_here(data, Exit.FAILED).kafka_bootstrap_servers
    require_kafka(bootstrap)
    with errors_told(bootstrap):
        yield Cluster(bootstrap)
