"""Where commands that read the log look: the environment's addresses, else a `contex dev` here.

Decides which settings a command runs with, and what an absent dependency means for its exit status.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.errors import CallerError, DependencyAway
from contex.log.reach import Reached, address, reach
from topology.doctor.surroundings import surroundings

if TYPE_CHECKING:
    from contex.settings import Settings

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_FROM_DEV = ("KAFKA_BOOTSTRAP_SERVERS", "QDRANT_URL", "QDRANT_GRPC_PORT")


def data_option(function: _F) -> _F:
    """Add --data."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".contex"),
        show_default=True,
        help="Data folder of `contex dev`: a stack that runs there is found by itself.",
    )(function)


def settings_here(data: Path, wrong: Exit = Exit.USAGE) -> "Settings":
    """Return the settings of the environment; addresses it lacks are those of a running stack.

    Args:
        data: the folder of that stack.
        wrong: the status with which a wrong environment ends the command.

    Raises:
        Failed: the environment is wrong.
    """
    from contex.settings import load_settings  # noqa: PLC0415 - slow to import, as is Kafka's library

    try:
        settings = load_settings()
    except CallerError as error:
        raise Failed(str(error), "`contex settings` shows them all.", status=wrong) from error
    where = surroundings(os.environ, data)
    if not where.uses_dev:
        return settings
    found = {name.lower(): where.value(name) for name in _FROM_DEV}
    return settings.model_copy(update=found)


def run(work: Coroutine[Any, Any, _T], bootstrap: str) -> _T:
    """Run a command's work.

    Raises:
        Failed: a dependency is away, or the topics are not there.
    """
    try:
        require_kafka(bootstrap)
    except Failed:
        work.close()
        raise
    with errors_told(misuse=Exit.UNAVAILABLE):  # Kafka answered: something else may be away
        return asyncio.run(work)


@contextmanager
def errors_told(bootstrap: str = "", misuse: Exit = Exit.FAILED) -> Iterator[None]:
    """Say what the errors of the work inside mean for a person.

    Args:
        bootstrap: where Kafka is looked for, where it is Kafka that may be away.
        misuse: the status with which missing topics end the command.

    Raises:
        Failed: a dependency is away, or the topics are not there.
    """
    from contex.log.failures import LogMisuse  # noqa: PLC0415 - as above

    try:
        yield
    except DependencyAway as error:
        place = f"Kafka is looked for at {bootstrap}. " if bootstrap else ""
        raise Failed(
            str(error),
            f"{place}`contex doctor` looks closer.",
            status=Exit.UNAVAILABLE,
        ) from error
    except LogMisuse as error:
        raise Failed(
            str(error),
            "`contex topics apply` creates what is missing.",
            status=misuse,
        ) from error
    except CallerError as error:
        raise Failed(str(error)) from error


def require_kafka(bootstrap: str) -> None:
    """Ask whether a broker answers at all: the client would try for half a minute.

    Raises:
        Failed: none does.
    """
    obstacles = []
    for server in bootstrap.split(","):
        answer = reach(*address(server))
        if isinstance(answer, Reached):
            return
        obstacles.append(f"{server}: {answer.obstacle.value}")
    raise Failed(
        f"Kafka does not answer; {'; '.join(obstacles)}",
        "KAFKA_BOOTSTRAP_SERVERS says where it is; `contex doctor` looks closer.",
        status=Exit.UNAVAILABLE,
    )
