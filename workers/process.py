"""The root of every worker's process: how it begins, is told to stop, is watched, and ends.

Decides the exit status by what went wrong. What a worker does is handed in.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable

from contex.errors import CallerError, DependencyAway
from contex.settings import Settings
from contex.telemetry.begin import begin
from contex.telemetry.health import Checks, HealthServer
from contex.telemetry.logs import get_logger
from contex.webhooks.secrets import SecretKeysUnusable
from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS, exit_hard
from workers.watchdog import Progress

LOOP_SILENT_S_MAX = 15.0
"""An event loop that was silent for longer is not live; the watchdog gives it twice as long."""

Serve = Callable[[Settings, asyncio.Event], Awaitable[None]]
"""Does the work until the event is set."""

_log = get_logger(__name__)


def run(service: str, serve: Serve) -> None:
    """Run a worker; the exit status and the last line say why it ended."""
    try:
        settings = begin(service)
        asyncio.run(_until_told(settings, serve))
    except (CallerError, SecretKeysUnusable) as error:
        exit_hard(EXIT_SETTINGS, str(error))
    except DependencyAway as error:
        exit_hard(EXIT_DEPENDENCY_AWAY, str(error))
    except TimeoutError:
        exit_hard(EXIT_DEPENDENCY_AWAY, "joining or leaving the group took too long")
    except Exception as error:  # noqa: BLE001 - the root: nothing unfinished may be committed
        _log.critical("a bug ended this worker", exc_info=error)
        exit_hard(EXIT_BUG, f"{type(error).__name__}: {error}")


async def _until_told(settings: Settings, serve: Serve) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop)


async def finished_before(stop: asyncio.Event, work: Awaitable[object]) -> bool:
    """Wait for `work` or for the order to stop; return whether the work was done first."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(work)
    await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return working.done()


def loop_turns(progress: Iterable[Progress]) -> bool:
    """Say whether the event loop has turned lately."""
    return all(one.clock() - one.turned_at < LOOP_SILENT_S_MAX for one in progress)


def health_server(settings: Settings, *, live: Checks, ready: Checks) -> HealthServer | None:
    """Return the server of health and metrics, or None where no port is set."""
    if settings.health_port is None:
        return None
    return HealthServer(settings.health_port, live=live, ready=ready)
