"""Where updates go: the updates topic, each acknowledged before `tell` returns."""

import time
from collections.abc import Sequence

from contex.log.producer import Producer
from contex.records.codec import Codec
from contex.records.update import Update
from contex.telemetry import metrics
from topology.catalogue import UPDATES


class KafkaOutbox:
    """An `Outbox` over the one producer."""

    def __init__(self, producer: Producer, codec: Codec) -> None:
        self._producer = producer
        self._codec = codec

    async def tell(self, updates: Sequence[Update]) -> None:
        """Return once every update is acknowledged."""
        messages = [self._codec.encode(one, traceparent=one.traceparent) for one in updates]
        await self._producer.send_all(UPDATES.name, messages)
        now_s = time.time()
        for update in updates:
            metrics.UPDATES.labels(update.kind).inc()
            passed_s = max(0.0, now_s - update.caused_at_ms / 1000)
            metrics.END_TO_END_SECONDS.labels(update.kind).observe(passed_s)
