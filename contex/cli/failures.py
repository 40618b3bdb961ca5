"""How a command fails: what happened, why, what to do next, and with which status.

Decides the words for a person and the exit status. Commands raise; the front prints and ends.
"""

from collections.abc import Mapping
from typing import IO, Any, Final

import click

from contex.cli.exits import Exit
from contex.cli.output import for_reader, printable
from contex.client.errors import (
    ContexClientError,
    Disconnected,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from contex.settings.reading import without_password

_STATUSES: Final[Mapping[type[ContexClientError], Exit]] = {
    NotFound: Exit.NOT_FOUND,
    Unauthenticated: Exit.DENIED,
    Forbidden: Exit.DENIED,
    Unavailable: Exit.UNAVAILABLE,
}
_STEPS: Final[Mapping[type[ContexClientError], str]] = {
    Unauthenticated: "Give the gateway's key: --api-key, or better CONTEX_API_KEY.",
    Disconnected: "Is it running? `contex dev` starts it; --url or CONTEX_URL say where it is;"
    " `contex doctor` looks closer.",
    Unavailable: "Try again later: a repeat does no harm. `contex doctor` looks closer.",
}
_HEAD: Final = "Error: "


class Failed(click.ClickException):
    """A command that cannot do what was asked.

    Attributes:
        step: what to do next, empty when there is nothing.
        facts: more lines on what happened.
    """

    def __init__(
        self,
        message: str,
        step: str = "",
        *,
        status: Exit = Exit.FAILED,
        facts: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.exit_code = status
        self.step = step
        self.facts = facts

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it on standard error."""
        stream = file or click.get_text_stream("stderr")
        head, *rest = for_reader(printable(self.message), stream, _HEAD)
        lines = [click.style(_HEAD.strip(), fg="red", bold=True) + head[len(_HEAD) - 1 :], *rest]
        for fact in self.facts:
            lines += for_reader(printable(fact), stream, "  ")
        if self.step:
            lines += for_reader(printable(self.step), stream, "  → ")
        for line in lines:
            click.echo(line, file=stream, color=self.show_color)


def failed(error: ContexClientError, url: str = "") -> Failed:
    """Return what a client's error means for a person at a terminal."""
    if isinstance(error, Disconnected) and url:
        detail = f"the gateway at {without_password(url)} does not answer: {error.detail}"
    else:
        detail = error.detail
    facts = tuple(f"{one.field}: {one.message}" for one in error.fields)
    # One field's problem is the message itself.
    if isinstance(error, InvalidRequest) and len(facts) == 1:
        facts = ()
    if error.status is not None:
        request = f", request {error.request_id}" if error.request_id else ""
        facts = (*facts, f"({error.status} {error.code}{request})")
    return Failed(detail, _step(error), status=status_of(error), facts=facts)


def status_of(error: ContexClientError) -> Exit:
    """Return the exit status of an error."""
    if isinstance(error, InvalidRequest) and error.status is None:
        return Exit.USAGE  # the client knew without asking
    return next((_STATUSES[one] for one in type(error).__mro__ if one in _STATUSES), Exit.FAILED)


def _step(error: ContexClientError) -> str:
    return next((_STEPS[one] for one in type(error).__mro__ if one in _STEPS), error.next_step)
