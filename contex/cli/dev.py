"""The command `contex dev`: the whole product on this machine, until Ctrl-C.

Decides what is said, how signals are understood and with which status it ends. Never decides what
runs: that is `contex.local`.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import click

from contex.cli.exits import Exit
from contex.cli.view import Enduring, View
from contex.embedding import models
from contex.errors import ContexError, InvalidValue
from contex.local.errors import StackError
from contex.local.stack import Stack, StackOptions
from contex.settings.catalogue import BY_NAME

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_PORT: Final = click.IntRange(0, 65_535)
_KEY: Final = "CONTEX_API_KEY"
_WORKERS_MAX: Final = 12
"""As many as the topics have partitions: more would idle."""


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".contex"),
    show_default=True,
    help="Folder that keeps everything between runs.",
)
@click.option(
    "--port",
    type=_PORT,
    default=8000,
    show_default=True,
    help="Port of the REST API; 0 for any free one.",
)
@click.option(
    "--kafka-port",
    type=_PORT,
    default=9092,
    show_default=True,
    help="Port of Kafka; 0 for any free one.",
)
@click.option(
    "--routing-workers",
    type=click.IntRange(1, _WORKERS_MAX),
    default=1,
    show_default=True,
    help="How many processes match values against needs.",
)
@click.option("--exit-after-ready", is_flag=True, help="Stop as soon as everything is up.")
def dev(
    *, data: Path, port: int, kafka_port: int, routing_workers: int, exit_after_ready: bool
) -> None:
    r"""Run the whole of Contex on this machine.

    That is Kafka, the index, the workers and the gateway; no Docker, no other server. Ctrl-C
    stops everything in order; pressed again, at once.

    \b
    Examples:
      contex dev
      contex dev --data /tmp/trial --port 0 --kafka-port 0

    \b
    Exit status:
      0    stopped by Ctrl-C or SIGTERM, or by --exit-after-ready
      1    could not start: the message says what is in the way and what to do
      2    the command line is wrong
      130  Ctrl-C was pressed twice, and everything was killed
    """
    view = View(Enduring())
    options = StackOptions(data, port, kafka_port, routing_workers)
    stack = Stack(
        options, view.report, lambda done, total: view.download("Apache Kafka", done, total)
    )
    try:
        with Interrupts(stack, view):
            run(stack, view, exit_after_ready=exit_after_ready)
    except KeyboardInterrupt:
        view.say("Everything has stopped.")
    except StackError as error:
        view.problem(str(error), error.advice)
        sys.exit(Exit.FAILED)
    except ContexError as error:
        view.problem(str(error), "")
        sys.exit(Exit.FAILED)


def run(stack: Stack, view: View, *, exit_after_ready: bool) -> None:
    """Start `stack`, say where everything is, and follow it until it is interrupted."""
    began_s = time.monotonic()
    view.say(f"Contex is starting; its data is in {stack.options.data.absolute()}.")
    with view:
        bring_model(view)
        view.doing("Starting Kafka and the processes of Contex ...")
        with stack:
            view.rest()
            view.say(f"Contex is up after {time.monotonic() - began_s:.1f} s.\n{guide(stack)}")
            if not exit_after_ready:
                stack.follow()


def bring_model(view: View) -> None:
    """Fetch the model's weights unless they are here, or none are needed."""
    from contex.settings import load_settings  # noqa: PLC0415 - slow to import

    try:
        settings = load_settings()
    except InvalidValue as error:
        advice = "Correct or unset what is named; `contex settings` explains them."
        raise StackError(str(error), advice=advice) from error
    if settings.embedder == "deterministic":
        return
    models.fetch(
        settings.model,
        lambda source, done, total: view.download(f"{settings.model} from {source}", done, total),
    )


def guide(stack: Stack) -> str:
    """Say where everything is, and what to try first."""
    usual = stack.gateway_url == BY_NAME["CONTEX_URL"].default
    where = "" if usual else f"\n  export CONTEX_URL={stack.gateway_url}"
    if os.environ.get(_KEY):
        where += f"\n  export {_KEY}=...  # the one that is set here: the gateway wants it"
    return f"""
  REST API  {stack.gateway_url}
  Kafka     {stack.bootstrap}
  Index     127.0.0.1:{stack.index_port} (Qdrant's gRPC interface)
  Logs      {stack.options.data / "logs"}

Try it from another terminal:{where}
An agent says what it needs, and listens:
  contex register ada -p demo --need 'how to reach the database'
  contex listen ada -p demo
Somebody publishes a value, and the agent is told:
  contex publish -p demo database '{{"host": "db", "port": 5432}}'

`contex doctor` looks after it. Ctrl-C stops everything.
"""


class Interrupts:
    """Understands Ctrl-C and SIGTERM: the first stops all in order, the second kills all.

    Use it as a context manager, in the main thread; the handlers of before are then put back.
    """

    def __init__(self, stack: Stack, view: View) -> None:
        self._stack = stack
        self._view = view
        self._stopping = False
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self.receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal, in the main thread."""
        if self._stopping:
            try:
                self._stack.kill_all()
            finally:
                os._exit(Exit.INTERRUPTED)
        self._stopping = True
        with suppress(RuntimeError):  # this thread is just writing, and cannot begin another line
            self._view.rest()
            self._view.say("Stopping everything in order; Ctrl-C again kills it at once.")
        raise KeyboardInterrupt
