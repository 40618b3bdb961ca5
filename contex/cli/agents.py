"""The command `contex agents`: who is registered, with which needs, and how to take one away."""

from typing import Any

import click
from click.core import ParameterSource

from contex.cli import output
from contex.cli.gateway import connected, gateway_options, target_of
from contex.cli.groups import GuessingGroup
from contex.cli.output import document, plural, printable
from contex.client.types import Agent, Need


@click.group(cls=GuessingGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options(project_required=False)
@click.pass_context
def agents(ctx: click.Context, /, **_options: Any) -> None:  # noqa: ANN401 - click's own
    r"""List, show and delete agents.

    \b
    Examples:
      contex agents
      contex agents list -p demo --json
      contex agents show helper -p demo
      contex agents delete helper -p demo
    """
    if ctx.invoked_subcommand is None:
        list_.main([], standalone_mode=False, parent=ctx)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Return a command's options; one that is typed before the command counts as well."""
    ctx = click.get_current_context()
    before = ctx.parent
    if before is not None:
        for name in given:
            typed = before.get_parameter_source(name) is ParameterSource.COMMANDLINE
            if typed and ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
                given[name] = before.params[name]
    return given


@agents.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options(project_required=False)
def list_(**options: Any) -> None:  # noqa: ANN401 - click's own
    r"""List the agents, of one project or of all.

    \b
    Example:
      contex agents list -p demo
    """
    target = target_of(_options(options))
    with connected(target) as client:
        found = list(client.agents())
    if options["as_json"]:
        document([_members(agent) for agent in found])
        return
    if not found:
        where = f" in {target.project}" if target.project else ""
        click.echo(f"No agents{where}. Add one: contex register AGENT --need TEXT", err=True)
        return
    _table(found)


@agents.command()
@click.argument("agent", metavar="AGENT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options(project_required=False)
def show(agent: str, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Show one agent: its needs, its delivery, its epoch.

    \b
    Example:
      contex agents show helper -p demo
    """
    with connected(target_of(_options(options))) as client:
        found = client.agent(agent)
    if options["as_json"]:
        document(_members(found))
        return
    click.echo(f"{click.style(found.agent_id, bold=True)} in {found.project_id}")
    click.echo(f"  registered    {found.registered_at or 'unknown'}, epoch {found.epoch}")
    click.echo(f"  delivery      {printable(_delivery(found))}")
    click.echo(f"  token budget  {found.token_budget or 0:,}")
    click.echo("  needs")
    for need in found.needs:
        click.echo(f"    {printable(need.text)}")
        click.echo(f"      {printable(_conditions(need))}")


@agents.command("delete")
@click.argument("agent", metavar="AGENT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options(project_required=False)
def delete_(agent: str, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Delete an agent: it is told nothing any more.

    \b
    Example:
      contex agents delete helper -p demo
    """
    target = target_of(_options(options))
    with connected(target) as client:
        client.unregister(agent)
    if options["as_json"]:
        document({"status": "unregistered", "project_id": target.project, "agent_id": agent})
    else:
        click.echo(f"Deleted the agent {agent}.")


def _table(found: list[Agent]) -> None:
    rows = []
    for agent in found:
        first = agent.needs[0].text if agent.needs else ""
        rest = f"(+{len(agent.needs) - 1}) " if len(agent.needs) > 1 else ""
        delivery = agent.notification_method or ""
        rows.append((agent.agent_id, agent.project_id, delivery, rest + first))
    output.table(("agent", "project", "delivery", "needs"), rows)
    click.echo(plural(len(found), "agent"), err=True)


def _delivery(agent: Agent) -> str:
    return f"webhook to {agent.webhook_url}" if agent.webhook_url else "reads its own feed"


def _conditions(need: Need) -> str:
    words = [f"threshold {need.threshold:g}"]
    words += [f"{name} is {' or '.join(texts)}" for name, texts in need.filters.items()]
    words += [f"not: {one.text}" for one in need.exclusions]
    return "; ".join(words)


def _members(agent: Agent) -> dict[str, object]:
    return {
        "agent_id": agent.agent_id,
        "project_id": agent.project_id,
        "epoch": agent.epoch,
        "registered_at": agent.registered_at,
        "data_needs": [
            {
                "text": need.text,
                "threshold": need.threshold,
                "filters": {name: list(texts) for name, texts in need.filters.items()},
                "exclusions": [
                    {"text": one.text, "threshold": one.threshold} for one in need.exclusions
                ],
            }
            for need in agent.needs
        ],
        "notification_method": agent.notification_method,
        "webhook_url": agent.webhook_url,
        "token_budget": agent.token_budget,
        "updates_url": agent.updates_url,
    }
