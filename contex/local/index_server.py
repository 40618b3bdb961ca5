"""The embedded index engine as a process: `python -m contex.local.index_server`.

Decides how it starts, flushes and stops. One process, because the engine holds the interpreter
for the whole of each call; every acknowledged write is in the write-ahead log before the answer.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import grpc

from contex.local.engine.service import Service
from contex.local.engine.store import Store
from contex.local.errors import FolderInUse

HOST_DEFAULT = "127.0.0.1"
FLUSH_INTERVAL_S = 15.0
"""Bounds what a power cut can take and what a restart must replay."""
STOP_GRACE_S = 2.0
EXIT_IN_USE = 73
EXIT_PORT_TAKEN = 69
EXIT_UNREADABLE = 74

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)


async def serve(store: Store, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((Service(store),))
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        return _complain(f"cannot listen on {host}:{port}: {error}", EXIT_PORT_TAKEN)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start()
    sys.stdout.write(f"index engine on {host}:{bound}\n")
    sys.stdout.flush()
    await _flush_until(stopping, store)
    await server.stop(STOP_GRACE_S)
    return 0


async def _flush_until(stopping: asyncio.Event, store: Store) -> None:
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), FLUSH_INTERVAL_S)
        try:
            store.flush()
        except Exception as error:  # noqa: BLE001 - the engine raises bare Exception; tried again
            _complain(f"cannot flush the index: {error}", 0)


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, open the folder, serve, close."""
    parser = argparse.ArgumentParser(prog="contex.local.index_server", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--host", default=HOST_DEFAULT, help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on, 0 for any")
    options = parser.parse_args(arguments)
    try:
        store = Store(options.data)
    except FolderInUse as error:
        return _complain(f"{error}: {error.advice}", EXIT_IN_USE)
    except Exception as error:  # noqa: BLE001 - process root; the engine raises bare Exception
        return _complain(f"cannot open the index folder {options.data}: {error}", EXIT_UNREADABLE)
    code = asyncio.run(serve(store, options.host, options.port))
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
