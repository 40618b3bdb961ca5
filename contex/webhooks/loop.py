"""The delivery loop: from the feed into the flow, and the flow's progress back to the feed.

Decides when to read, what to hold until it is due, when to stop reading because enough is under
way, and when to commit. Talks to the log only through the feed; a partition that leaves is given
what is under way of it a moment to finish.
"""

import time
from collections.abc import Callable

from contex.records.message import Received
from contex.telemetry import metrics
from contex.webhooks.flow import BUFFERED_RECORDS_MAX, Flow, PutOff, Work
from contex.webhooks.lanes import Admission, Lanes
from contex.webhooks.ports import Feed, Offsets, Partition

STAGE = "webhooks"
POLL_RECORDS_MAX = 100
POLL_TIMEOUT_S = 0.1
COMMIT_EVERY_S = 0.5
LEAVE_S_MAX = 5.0
"""How long a rebalance waits for what is under way; less than a session."""
STOP_S_MAX = 20.0
"""How long a shutdown waits: one request's limit, and the log's acknowledgements."""


class DeliveryLoop:
    """Runs deliveries, one turn at a time.

    Args:
        lanes: the retry lanes.
        updates_topic: the feed of first attempts, kept in order per agent.
        deliver: deals with one record.
        put_off: leaves one record, of an agent that has too many under way, to a later time.
        clock_s: the time of day.
        records_max: how many records may be under way before it reads no more.
    """

    def __init__(
        self,
        lanes: Lanes,
        updates_topic: str,
        deliver: Work,
        put_off: PutOff,
        clock_s: Callable[[], float] = time.time,
        *,
        records_max: int = BUFFERED_RECORDS_MAX,
    ) -> None:
        self._lanes = lanes
        self._deliver = deliver
        self._put_off = put_off
        self._clock_s = clock_s
        self._flow = Flow(self._work, self._wait, {updates_topic}, records_max=records_max)
        self._stopped_for_room: set[Partition] = set()
        self._waiting_for_room = False
        self._turned_s = self._committed_s = time.monotonic()

    @property
    def silent_s(self) -> float:
        """How long the loop has not turned."""
        return time.monotonic() - self._turned_s

    async def turn(self, feed: Feed) -> None:
        """Read once, and do what follows.

        Raises:
            Exception: whatever ended the work of a record: the process must not go on.
        """
        self._turned_s = time.monotonic()
        self._flow.check()
        await self._make_room(feed)
        await self._take(feed, await feed.poll(POLL_RECORDS_MAX, self._poll_timeout_s()))
        due = set(self._lanes.release(self._now_ms())) - self._stopped_for_room
        if due:
            await feed.resume(due)
        if time.monotonic() - self._committed_s >= COMMIT_EVERY_S:
            self._committed_s = time.monotonic()
            await feed.commit(self._flow.committable())
            for lane, late_s in self._lanes.overdue_s(self._now_ms()).items():
                metrics.LANE_OVERDUE_SECONDS.labels(lane).set(late_s)

    async def leave(self, partitions: frozenset[Partition]) -> Offsets:
        """Give up partitions that go to another member; return what may be committed of them."""
        self._lanes.forget(partitions)
        self._stopped_for_room -= partitions
        return await self._flow.leave(partitions, LEAVE_S_MAX)

    async def stop(self) -> Offsets:
        """Finish what is under way within `STOP_S_MAX`; return what may be committed."""
        return await self._flow.stop(STOP_S_MAX)

    async def _work(self, received: Received) -> None:
        await self._deliver(received)
        self._lanes.finish(received)

    async def _wait(self, received: Received, /, *, slow: bool) -> None:
        await self._put_off(received, slow=slow)
        self._lanes.finish(received)

    async def _take(self, feed: Feed, records: list[Received]) -> None:
        if records:
            metrics.BATCH_RECORDS.labels(STAGE).observe(len(records))
        held: list[Partition] = []
        for received in records:
            admission = self._lanes.admit(received, self._now_ms())
            if admission is Admission.NOW:
                self._flow.admit(received)
            elif admission is Admission.HOLD:
                held.append((received.topic, received.partition))
        if held:
            await feed.hold(self._lanes.offsets_held(held))

    async def _make_room(self, feed: Feed) -> None:
        """Stop reading when enough is under way, and go on once a quarter of it is done.

        The feed is polled all the while, so that the group knows that we live.
        """
        if self._flow.full:
            self._waiting_for_room = True
        elif self._waiting_for_room and self._flow.roomy:
            self._waiting_for_room = False
            again = [one for one in self._stopped_for_room if one not in self._lanes.held]
            self._stopped_for_room.clear()
            await feed.resume(again)
        if self._waiting_for_room:
            more = feed.assigned - self._stopped_for_room
            if more:
                self._stopped_for_room |= more
                await feed.pause(more)

    def _poll_timeout_s(self) -> float:
        due_s = self._lanes.wait_s(self._now_ms())
        return POLL_TIMEOUT_S if due_s is None else min(POLL_TIMEOUT_S, due_s)

    def _now_ms(self) -> int:
        return int(self._clock_s() * 1000)
