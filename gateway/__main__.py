"""The gateway's process: `python -m gateway`.

Decides when to exit: on SIGTERM or SIGINT politely, with status 1 when a part of it is beyond
repair, so that whoever supervises starts it anew.
"""

import asyncio
import signal
import sys

from aiohttp import web

from contex.errors import ContexError
from contex.log.failures import LogMisuse
from contex.settings import Settings
from contex.telemetry import logs
from contex.telemetry.begin import begin
from gateway.house import House
from gateway.identity import resolver_for
from gateway.server import Runner, application

_log = logs.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until a signal asks to stop.

    Raises:
        Exception: why the process cannot go on.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    house = House(settings)
    key = settings.api_key
    resolver = resolver_for(settings.tenant, None if key is None else key.get_secret_value())
    runner = Runner(application(house, resolver))
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        host, port = runner.addresses[0][:2]
        _log.info(
            "gateway.listening",
            url=f"http://{host}:{port}",
            tenant=settings.tenant,
            authentication="none" if key is None else "api_key",
        )
        await _until(stopping, house)
    finally:
        _log.info("gateway.stopping")
        await runner.cleanup()
        await house.stop()
        _log.info("gateway.stopped")


async def _until(stopping: asyncio.Event, house: House) -> None:
    """Start the house and wait for the signal; raise what goes wrong before it."""
    asked = asyncio.create_task(stopping.wait())
    living = asyncio.create_task(_live(house))
    try:
        await asyncio.wait({asked, living}, return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
    finally:
        asked.cancel()
        living.cancel()
        await asyncio.gather(asked, living, return_exceptions=True)


async def _live(house: House) -> None:
    await house.start()
    _log.info("gateway.ready")
    await house.failed()


def main() -> int:
    """Run the process and return its exit status."""
    try:
        asyncio.run(serve(begin("gateway")))
    except (ContexError, LogMisuse, OSError) as error:
        _log.error("gateway.failed", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
