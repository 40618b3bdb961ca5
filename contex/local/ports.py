"""Chooses ports on this machine and says who is in the way.

Free ports are taken from below the range from which the kernel serves outgoing connections: a
client that keeps calling a server that is down may otherwise be given the server's own port.
"""

import random
import socket
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from contex.local.errors import PortTaken

LOOPBACK: Final = "127.0.0.1"
FREE_PORT_MIN: Final = 10_000
FREE_PORT_MAX: Final = 32_000
_TRIES_MAX: Final = 1_000


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def first_free(candidates: Iterable[int], count: int, free: Callable[[int], bool]) -> list[int]:
    """Return the first `count` candidates that are free, or as many as there are."""
    return list(islice(filter(free, candidates), count))


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now, unlikely to be wanted by anybody else."""
    span = range(FREE_PORT_MIN, FREE_PORT_MAX)
    ports = first_free(random.sample(span, _TRIES_MAX), count, is_free)
    if len(ports) < count:
        raise PortTaken(
            f"Of {_TRIES_MAX} ports between {FREE_PORT_MIN} and {FREE_PORT_MAX} "
            f"only {len(ports)} are free.",
            advice="Stop what holds the others.",
        )
    return ports


def check_free(port: int, what: str, option: str, host: str = LOOPBACK) -> None:
    """Return if nobody listens on `port`.

    Raises:
        PortTaken: somebody does.
    """
    if not is_free(port, host):
        raise PortTaken(
            f"{what} cannot listen on {host}:{port}: another program does.",
            advice=f"Stop it (`ss -ltnp 'sport = :{port}'` names it), or let Contex choose: "
            f"`{option} 0`.",
        )
