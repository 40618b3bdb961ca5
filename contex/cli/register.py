"""The command `contex register`: an agent says what it needs.

Decides how a registration is shown. A generated webhook secret is shown this once.
"""

from shlex import quote
from typing import Any

import click

from contex.cli import needs
from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.gateway import Target, connected, gateway_options, target_of
from contex.cli.labels import filters
from contex.cli.output import document, plural, results
from contex.cli.showing import show_update, update_members
from contex.client.types import Need, Registered


@click.command()
@click.argument("agent", metavar="AGENT")
@click.option("--need", "texts", multiple=True, metavar="TEXT", help="A need; repeatable.")
@click.option("--needs-file", type=click.File("rb"), help="A list of needs: JSON, YAML or lines.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="How well a value must match.  [default: 0.34]",
)
@click.option(
    "--filter",
    "labels",
    multiple=True,
    metavar="NAME=TEXT",
    help="Only values with this label; repeat a NAME for either text.",
)
@click.option("--exclude", multiple=True, metavar="TEXT", help="What is not meant; repeatable.")
@click.option("--webhook", "webhook_url", metavar="URL", help="POST the updates there.")
@click.option(
    "--webhook-secret",
    help="Sign with this whsec_ secret.  [default: a new one, shown once]",
)
@click.option(
    "--token-budget", type=click.IntRange(min=1), help="Of the first update.  [default: 51200]"
)
@click.option("--wait", is_flag=True, help="Wait for what matches already, and show it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options()
def register(agent: str, *, as_json: bool, wait: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Register AGENT, or register it anew with other needs.

    --threshold, --filter and --exclude go with every --need; a file can give each need its own.
    Registering again replaces everything.

    \b
    Examples:
      contex register helper -p demo --need 'which databases we use' --wait
      contex register web -p demo --need 'API changes' --exclude 'internal APIs'
      contex register helper -p demo --needs-file needs.yaml
      contex register hooked -p demo --need 'on call' --webhook https://x.example
    """
    target = target_of(options)
    wanted = _needs(options)
    with connected(target) as client:
        registered = client.register(
            agent,
            wanted,
            webhook_url=options["webhook_url"],
            webhook_secret=options["webhook_secret"],
            token_budget=options["token_budget"],
            wait_s=target.waiting(wanted=wait),
        )
    if as_json:
        document(_members(registered))
    else:
        _show(registered, target, len(wanted))
    if wait and registered.initial is None:
        raise Failed(
            f"{agent} is registered, but its first update did not come within {target.wait_s:g} s",
            "Routing is behind (`contex doctor` shows it), or gave it up: "
            f"contex dead-letters list --key {quote(agent)}",
            status=Exit.UNAVAILABLE,
        )


def _needs(options: dict[str, Any]) -> list[Need]:
    found = needs.from_options(
        options["texts"], options["threshold"], filters(options["labels"]), options["exclude"]
    )
    beside = options["threshold"] is not None or options["labels"] or options["exclude"]
    if beside and not found:
        raise click.UsageError("--threshold, --filter and --exclude go with --need.")
    file = options["needs_file"]
    if file is not None:
        found += needs.from_file(file)
    if not found:
        raise click.UsageError("Say what the agent needs: --need TEXT or --needs-file FILE.")
    return found


def _show(registered: Registered, target: Target, count: int) -> None:
    name = click.style(registered.agent_id, bold=True)
    click.echo(
        f"Registered {name} in {registered.project_id} with {plural(count, 'need')}: "
        f"epoch {registered.epoch}."
    )
    if registered.webhook_secret is not None:
        click.echo(f"Webhook secret: {registered.webhook_secret}")
        click.echo("  Shown this once: keep it where the receiver verifies deliveries.", err=True)
    if registered.initial is not None:
        show_update(results(), registered.initial)
    elif registered.notification_method != "webhook":
        cursor = f" --cursor {registered.cursor}" if registered.cursor else ""
        click.echo(
            f"Listen: contex listen {registered.agent_id} -p {target.project}{cursor}", err=True
        )


def _members(registered: Registered) -> dict[str, object]:
    members: dict[str, object] = {
        "agent_id": registered.agent_id,
        "project_id": registered.project_id,
        "epoch": registered.epoch,
        "cursor": registered.cursor,
        "notification_method": registered.notification_method,
        "updates_url": registered.updates_url,
    }
    if registered.webhook_secret is not None:
        members["webhook_secret"] = registered.webhook_secret
    if registered.initial is not None:
        members["initial"] = update_members(registered.initial)
    return members
