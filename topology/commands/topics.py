"""Commands about topics: plan, apply, diagram.

Decides what is printed and with which exit status. Never deletes, never asks.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from contex.errors import DependencyAway
from contex.log.admin import Cluster
from contex.log.failures import LogMisuse
from contex.settings import Settings
from topology import diagram
from topology.plan import make_plan
from topology.provision import apply as apply_plan
from topology.provision import read
from topology.report import describe_change, describe_plan

EXIT_REFUSED = 1
EXIT_CHANGES = 2


@click.group()
def topics() -> None:
    """Compare the cluster's topics with the catalogue, and provision them."""


@topics.command()
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 when there is something to change, 0 when there is not.",
)
def plan(*, detailed_exitcode: bool) -> None:
    """Print what `apply` would do."""
    with _cluster() as cluster:
        made = make_plan(read(cluster))
    click.echo(describe_plan(made))
    if made.refusals:
        sys.exit(EXIT_REFUSED)
    if detailed_exitcode and made.changes:
        sys.exit(EXIT_CHANGES)


@topics.command()
def apply() -> None:
    """Create what is missing and repair what differs; deletes nothing."""
    with _cluster() as cluster:
        made = make_plan(read(cluster))
        if made.refusals or not made.changes:
            click.echo(describe_plan(made))
            sys.exit(EXIT_REFUSED if made.refusals else 0)
        done = apply_plan(cluster, made)
    for change in done:
        click.echo(describe_change(change))
    click.echo(f"Applied {len(done)} of {len(made.changes)} changes; deleted nothing.")


@topics.command("diagram")
@click.option("--format", "form", type=click.Choice(["text", "mermaid"]), default="text")
def diagram_(form: str) -> None:
    """Print the topics and the stages between them."""
    click.echo(diagram.mermaid() if form == "mermaid" else diagram.text())


@contextmanager
def _cluster() -> Iterator[Cluster]:
    """Lend the cluster of the settings; its errors end the command in one line."""
    try:
        bootstrap = Settings.model_validate({}).kafka_bootstrap_servers
    except ValueError as error:  # a setting that is refused, in pydantic's words
        raise click.ClickException(str(error)) from error
    try:
        yield Cluster(bootstrap)
    except (DependencyAway, LogMisuse) as error:
        raise click.ClickException(f"Kafka at {bootstrap}: {error}") from error
