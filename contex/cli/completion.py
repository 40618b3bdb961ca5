"""The command `contex completion`: prints what a shell needs to complete the command line.

Decides how a person gets there. What is completed, click and the commands decide.
"""

from typing import Final

import click
from click.shell_completion import get_completion_class

_SHELLS: Final = ("bash", "zsh", "fish")
_PROGRAM: Final = "contex"
_VARIABLE: Final = "_CONTEX_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    r"""Print what your SHELL needs to complete commands.

    \b
    Examples:
      contex completion bash > ~/.local/share/bash-completion/completions/contex
      contex completion zsh > "${fpath[1]}/_contex"
      contex completion fish > ~/.config/fish/completions/contex.fish
    """
    made = get_completion_class(shell)
    assert made is not None, "click knows all of these shells"
    click.echo(made(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source())
