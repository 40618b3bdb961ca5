"""Groups of commands: one that is misspelt is guessed.

Decides the words alone; which commands there are is each group's.
"""

import click

from contex.cli.labels import meant


class GuessingGroup(click.Group):
    """A group that names the likeliest command for one that is not there."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is typed."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            names = self.list_commands(ctx)
            if args[0] not in names:
                error.message += meant(args[0], names)
            raise
