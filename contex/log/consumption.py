"""What every plain consumer here shares: its configuration, and what it makes of a message.

Decides that nothing commits and no group is joined: positions belong to whoever reads. librdkafka
reconnects by itself, for ever; what it says on the way goes to the log.
"""

import logging

from confluent_kafka import Consumer
from confluent_kafka import Message as Consumed

from contex.records.message import Received

RECONNECT_BACKOFF_S_MAX = 1.0
_NO_GROUP = "contex-unused"
"""The client insists on a group's name, though none is joined."""


def consumer(bootstrap: str, **tuning: object) -> Consumer:
    """Return a consumer to be assigned by hand; `tuning` keys use `_` where the client has `.`."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": _NO_GROUP,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "reconnect.backoff.max.ms": int(RECONNECT_BACKOFF_S_MAX * 1000),
            **{name.replace("_", "."): value for name, value in tuning.items()},
        },
        logger=logging.getLogger(f"{__name__}.client"),
    )


def received(consumed: Consumed) -> Received:
    """Return what was consumed, as a plain value."""
    _, timestamp_ms = consumed.timestamp()
    return Received(
        topic=consumed.topic(),
        partition=consumed.partition(),
        offset=consumed.offset(),
        timestamp_ms=timestamp_ms,
        key=consumed.key(),
        value=consumed.value(),
        headers=tuple(consumed.headers() or ()),
    )
