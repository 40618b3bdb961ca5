"""Retry lanes: which record is due, which partition waits for its head, and how late we are.

Decides from the record's timestamp, which the broker wrote, and the lane's one delay: due times in
a partition only grow, so a head that is not due means that nothing behind it is. Reads no clock and
moves no consumer: it says what to hold and what to release.
"""

from collections.abc import Collection, Mapping
from enum import Enum, auto

from contex.records.message import Received
from contex.webhooks.ports import Offsets, Partition


class Admission(Enum):
    """What to do with a record that was read."""

    NOW = auto()  # it is due, or in no lane
    HOLD = auto()  # it is not due: pause its partition and come back to it
    BEHIND = auto()  # it stands behind one that is held: it will be read again


class Lanes:
    """Keeps the due times of what is held and of what is being tried.

    Args:
        delays_s: the delay of each lane, by topic.
    """

    def __init__(self, delays_s: Mapping[str, int]) -> None:
        self._delays_s = dict(delays_s)
        self._held: dict[Partition, tuple[int, int]] = {}
        self._in_hand: dict[str, dict[tuple[int, int], int]] = {topic: {} for topic in delays_s}

    def __contains__(self, topic: str) -> bool:
        return topic in self._delays_s

    @property
    def held(self) -> Collection[Partition]:
        """The partitions whose head is waited for."""
        return self._held.keys()

    def due_ms(self, received: Received) -> int:
        """Return when a lane's record may be tried."""
        return received.timestamp_ms + self._delays_s[received.topic] * 1000

    def admit(self, received: Received, now_ms: int) -> Admission:
        """Decide about a record; remember it."""
        if received.topic not in self._delays_s:
            return Admission.NOW
        partition = (received.topic, received.partition)
        if partition in self._held:
            return Admission.BEHIND
        due_ms = self.due_ms(received)
        if due_ms > now_ms:
            self._held[partition] = (received.offset, due_ms)
            return Admission.HOLD
        self._in_hand[received.topic][received.partition, received.offset] = due_ms
        return Admission.NOW

    def offsets_held(self, partitions: Collection[Partition]) -> Offsets:
        """Return the offsets to come back to."""
        return {one: self._held[one][0] for one in partitions}

    def release(self, now_ms: int) -> list[Partition]:
        """Return the partitions whose head has become due, and hold them no longer."""
        due = [one for one, (_, due_ms) in self._held.items() if due_ms <= now_ms]
        for one in due:
            del self._held[one]
        return due

    def wait_s(self, now_ms: int) -> float | None:
        """Return how long until the next head is due, or None if nothing is held."""
        if not self._held:
            return None
        return max(0, min(due_ms for _, due_ms in self._held.values()) - now_ms) / 1000

    def finish(self, received: Received) -> None:
        """A record was dealt with."""
        if received.topic in self._in_hand:
            self._in_hand[received.topic].pop((received.partition, received.offset), None)

    def forget(self, partitions: Collection[Partition]) -> None:
        """Partitions were taken away."""
        for topic, partition in partitions:
            self._held.pop((topic, partition), None)
            in_hand = self._in_hand.get(topic, {})
            for place in [place for place in in_hand if place[0] == partition]:
                del in_hand[place]

    def overdue_s(self, now_ms: int) -> dict[str, float]:
        """Return per lane how late its oldest unfinished record is; 0 when none is."""
        late_s = {
            topic: (now_ms - min(in_hand.values(), default=now_ms)) / 1000
            for topic, in_hand in self._in_hand.items()
        }
        for (topic, _), (_, due_ms) in self._held.items():
            late_s[topic] = max(late_s[topic], (now_ms - due_ms) / 1000)
        return {topic: max(0.0, late) for topic, late in late_s.items()}
