"""A producer that is ready before it is first asked: connected, and in possession of its id.

Decides when the client is asked for what, so that nobody's first record waits for librdkafka's
timer of half a second. Sends no record.
"""

import logging
import threading
import time

from confluent_kafka import Producer as Client

from contex.errors import DependencyAway

WARM_UP_TIMEOUT_S = 30.0
_STEP_S = 0.02
_ACQUIRED = "-> Assigned"


class ClientLog:
    """What the client says, passed on to `log`; `ready` is set once it has its producer id.

    Until then it is for debugging: refusals are part of a start, and a start that fails raises.

    Only librdkafka's own account of the idempotent producer (`debug=eos`, a few lines for each
    partition in all its life) tells of the id as it comes. Statistics tell it too, but at an
    interval that cannot be changed once the client is warm.
    """

    DEBUG = "eos"

    def __init__(self, log: logging.Logger) -> None:
        self.ready = threading.Event()
        self._log = log

    def log(self, level: int, text: str, *arguments: object) -> None:
        """Note one line. The client calls this as it would a logger's, from `poll`."""
        if not self.ready.is_set():
            level = logging.DEBUG
            if _ACQUIRED in text % arguments:
                self.ready.set()
        self._log.log(level, text, *arguments)


def warm_up(client: Client, log: ClientLog) -> None:
    """Ask for the cluster's metadata until the client has its producer id.

    Each answer makes librdkafka ask for the id at once. One is not enough: the first may come
    before any broker counts as connected, and a broker that has just started refuses to give ids.

    Raises:
        DependencyAway: no broker gave one out in `WARM_UP_TIMEOUT_S`.
        KafkaException: no broker answered.
    """
    deadline = time.monotonic() + WARM_UP_TIMEOUT_S
    while not log.ready.is_set():
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise DependencyAway(f"no broker gave out a producer id in {WARM_UP_TIMEOUT_S} s")
        client.list_topics(timeout=left_s)
        client.poll(_STEP_S)
