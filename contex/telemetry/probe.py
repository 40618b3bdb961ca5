"""A container's health check: `python -m contex.telemetry.probe` asks this process' neighbour.

Decides which port to ask: the worker's where one is set, else the gateway's. Exits with 0 when it
is ready and 1 when it is not. Needs nothing but the standard library, so that it is quick.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus

from contex.settings.catalogue import BY_NAME

TIMEOUT_S = 3.0
PATH = "/health/ready"


def port_of(environ: Mapping[str, str]) -> int:
    """Return the port at which the process of this environment answers."""
    chosen = environ.get("CONTEX_HEALTH_PORT") or environ.get("CONTEX_PORT")
    return int(chosen or BY_NAME["CONTEX_PORT"].default or 0)


def is_ready(port: int) -> bool:
    """Say whether the process at `port` says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(port_of(os.environ)) else 1)
