"""What a person sees of a stack: one line per step, a moving line on a terminal, plain when piped.

Called from several threads; rich's console serialises what is printed.
"""

from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.markup import escape

from contex.cli.output import abandon
from contex.local.service import Event, Kind

if TYPE_CHECKING:
    from rich.status import Status

_MARKS: Final = {
    Kind.READY: "[green]✓[/]",
    Kind.STOPPED: "[dim]■[/]",
    Kind.ENDED: "[yellow]![/]",
    Kind.STUCK: "[yellow]![/]",
    Kind.CRASH_LOOP: "[red]✗[/]",
}
_MB: Final = 1_000_000
_PIPED_STEPS: Final = 4


class Enduring(Console):
    """A console whose reader may leave: the stack that it tells of goes on."""

    def on_broken_pipe(self) -> None:
        """Say what follows to nobody; rich would end the thread that spoke."""
        abandon("stdout")


class View:
    """Prints the progress of a stack. Use as a context manager around what takes long."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._lock = Lock()
        self._told: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("Starting ...")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.rest()

    def rest(self) -> None:
        """End the moving line: what follows may take long without being a step."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def say(self, text: str) -> None:
        """Print one line as it is."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def problem(self, message: str, advice: str) -> None:
        """Print what is wrong and what to do next."""
        self._console.print(f"[red]{escape(message)}[/]", highlight=False, soft_wrap=True)
        if advice:
            self.say(advice)

    def doing(self, text: str) -> None:
        """Show what is under way; when piped, print it."""
        if self._status is None:
            self.say(text)
        else:
            self._status.update(escape(text))

    def report(self, event: Event) -> None:
        """Print an event of the stack."""
        seconds = f"{event.elapsed_s:5.1f} s" if event.elapsed_s else " " * 7
        self._console.print(
            f"  {_MARKS[event.kind]} {event.service:<10} {seconds}  {escape(event.text)}",
            highlight=False,
            soft_wrap=True,
        )

    def download(self, what: str, done_bytes: int, total_bytes: int | None) -> None:
        """Show how a download goes on; when piped, a line per quarter."""
        done = f"{done_bytes / _MB:.0f}" + (f" of {total_bytes / _MB:.0f}" if total_bytes else "")
        text = f"Downloading {what}: {done} MB"
        if self._status is not None:
            self._status.update(escape(text))
            return
        quarter = _PIPED_STEPS * done_bytes // total_bytes if total_bytes else 0
        with self._lock:
            if self._told.get(what) == quarter:
                return
            self._told[what] = quarter
        self.say(text)
