"""The command `contex`: decides which subcommands there are, and imports only the one that is run.

Subcommands are this table's and those that installed packages contribute through the entry-point
group `contex.commands`. Help texts are read from the sources without running them, so that
`contex --help` stays fast however heavy the commands are.
"""

import ast
import importlib
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

_OWN: Final = {
    "dev": "contex.cli.dev:dev",
    "models": "contex.cli.models:models",
}
_GROUP: Final = "contex.commands"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_targets()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        target = _targets().get(cmd_name)
        return super().get_command(ctx, cmd_name) if target is None else _load(cmd_name, target)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first sentence of each, importing none."""
        targets = _targets()
        rows = [
            (name, short_help(targets[name]) if name in targets else "")
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@cache
def _targets() -> dict[str, str]:
    contributed = {point.name: point.value for point in entry_points(group=_GROUP)}
    return {**contributed, **_OWN}


def _load(name: str, target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"`contex {name}` needs the package {error.name!r}, which is not installed. "
            'Run: pip install "contex-stream[local]"'
        ) from error
    if not isinstance(command, click.Command):
        raise TypeError(f"{target} is no click command")
    return command


def short_help(target: str) -> str:
    """Return the first line of the docstring of `module:function`, without importing the module."""
    module, _, attribute = target.partition(":")
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="contex-stream", prog_name="contex")
def main() -> None:
    """Route versioned values to the agents that need them, by meaning."""


if __name__ == "__main__":
    main()
