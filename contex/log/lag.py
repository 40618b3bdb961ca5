"""How far a consumer group is behind, counted in records. Only looks; joins no group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.errors import DependencyAway
from contex.log.admin import SYSLOG_CRITICAL
from contex.log.failures import failure
from contex.log.offsets import Place, committed, offsets

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Span:
    """The next offset that the group takes, and the offset after the last record."""

    next: int
    end: int

    @property
    def lag(self) -> int:
        """How many records wait."""
        return max(0, self.end - self.next)

    @property
    def log_is_shorter(self) -> bool:
        """Whether the log ends before what was committed: it lost records, or is another one."""
        return self.next > self.end


class GroupLag:
    """Committed offsets of one group against the ends of its topics."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str]) -> None:
        client = {"bootstrap.servers": bootstrap, "log_level": SYSLOG_CRITICAL}
        # Asked for a group's offsets, librdkafka's admin client dies of SIGSEGV when the group's
        # coordinator has just moved or is not settled yet; a consumer of that group asks again.
        self._member = Consumer({**client, "group.id": group, "enable.auto.commit": False})
        self._client = AdminClient(client)
        self._topics = frozenset(topics)

    def spans(self, partitions: Iterable[Place]) -> dict[Place, Span]:
        """Return where the group stands in each partition. Blocks; call it from a thread.

        Raises:
            DependencyAway: no broker answered.
        """
        asked = [TopicPartition(*one) for one in sorted(partitions) if one[0] in self._topics]
        if not asked:
            return {}
        try:
            marks = committed(self._member, asked, timeout_s=TIMEOUT_S)
            starts = self._offsets(asked, OffsetSpec.earliest())
            ends = self._offsets(asked, OffsetSpec.latest())
        except KafkaException as error:
            raise failure(error.args[0], "asking for the group's lag") from error
        except TimeoutError as error:
            raise DependencyAway("Kafka does not say how far the group is behind") from error
        return {one: Span(max(marks.get(one, 0), starts[one]), ends[one]) for one in ends}

    def _offsets(self, asked: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
        return offsets(self._client, asked, spec, timeout_s=TIMEOUT_S)
