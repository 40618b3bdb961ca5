"""The command `contex`: decides which subcommands there are, and imports only the one that is run.

Subcommands are this table's and those that installed packages contribute through the entry-point
group `contex.commands`. Help texts are read from the sources without running them, so that
`contex --help` stays fast however heavy the commands are.
"""

import ast
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from contex.cli.exits import Exit
from contex.cli.groups import GuessingGroup
from contex.cli.output import abandon, colour_wanted, settle_streams

_OWN: Final = {
    "agents": "contex.cli.agents:agents",
    "completion": "contex.cli.completion:completion",
    "delete": "contex.cli.delete:delete",
    "dev": "contex.cli.dev:dev",
    "listen": "contex.cli.listen:listen",
    "models": "contex.cli.models:models",
    "publish": "contex.cli.publish:publish",
    "query": "contex.cli.query:query",
    "register": "contex.cli.register:register",
    "settings": "contex.cli.settings:settings",
}
_GROUP: Final = "contex.commands"
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Values": ("publish", "query", "delete"),
    "Agents": ("register", "listen", "agents"),
    "Running it": ("dev", "doctor", "settings", "topics", "models", "dead-letters", "check"),
}
_REST: Final = "More"
_OUR_PACKAGES: Final = frozenset({"contex", "schemas", "topology", "workers", "gateway"})


class LazyGroup(GuessingGroup):
    """A group whose commands are imported when they are run."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401 - as click's own
    ) -> Any:  # noqa: ANN401 - as above
        """Run the command line; end the process with the status that `Exit` says."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        settle_streams()
        try:
            returned = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            click.echo("Interrupted.", err=True)
            sys.exit(Exit.INTERRUPTED)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except OSError as error:  # a full disk, a folder that is not there
            abandon("stdout")
            click.ClickException(str(error)).show()
            sys.exit(Exit.FAILED)
        sys.exit(returned if isinstance(returned, int) else Exit.OK)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_targets()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        target = _targets().get(cmd_name)
        return super().get_command(ctx, cmd_name) if target is None else _load(cmd_name, target)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        """Run a command; when nobody reads on, as after `| head -1`, end in silence."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            abandon("stdout")
            abandon("stderr")
            sys.exit(Exit.READER_GONE)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, importing none."""
        found = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        if not incomplete or found:
            return [CompletionItem(name, help=short_help(_targets()[name])) for name in found]
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by topic with the first sentence of each, importing none."""
        targets = _targets()
        left = dict.fromkeys(self.list_commands(ctx))
        width = max(map(len, left))
        for title, names in _by_topic(left):
            rows = [
                (name.ljust(width), short_help(targets[name]) if name in targets else "")
                for name in names
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


def _by_topic(names: Mapping[str, None]) -> list[tuple[str, list[str]]]:
    shown = {title: [name for name in some if name in names] for title, some in _SECTIONS.items()}
    known = {name for some in _SECTIONS.values() for name in some}
    shown[_REST] = [name for name in names if name not in known]
    return [(title, some) for title, some in shown.items() if some]


@cache
def _targets() -> dict[str, str]:
    contributed = {point.name: point.value for point in entry_points(group=_GROUP)}
    return {**contributed, **_OWN}


def _load(name: str, target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    try:
        with _ended_at_once():
            command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OUR_PACKAGES:
            raise
        extra = "local" if name == "dev" else "server"
        raise click.ClickException(
            f"`contex {name}` needs the package {error.name!r}, which is not installed. "
            f'Run: pip install "contex-stream[{extra}]"'
        ) from error
    if not isinstance(command, click.Command):
        raise TypeError(f"{target} is no click command")
    _mark_examples(command)
    return command


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process: amid an import, Python may drop the exception and go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _mark_examples(command: click.Command) -> None:
    """Put click's mark for blocks that are not wrapped where raw docstrings spell it out."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    for one in getattr(command, "commands", {}).values():
        _mark_examples(one)


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


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `contex dev`, then type what it shows. Examples: contex COMMAND --help.",
)
@click.version_option(package_name="contex-stream", prog_name="contex")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Route versioned values to the agents that need them, by meaning."""
    ctx.color = colour_wanted()


if __name__ == "__main__":
    main()
