"""A broker of somebody's own, which ends with them, and with whatever they set up on it failing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contex.local.kafka import Broker


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    """Start a broker on a folder; it is killed in the end, if its start fails as well."""
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
