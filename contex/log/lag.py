"""How far a consumer group is behind, counted in records. Only looks; joins no group."""

from collections.abc import Iterable, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.log.failures import failure

TIMEOUT_S = 10.0


class GroupLag:
    """Committed offsets of one group against the ends of its topics."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str]) -> None:
        self._client = AdminClient({"bootstrap.servers": bootstrap})
        self._group = group
        self._topics = frozenset(topics)

    def records(self, partitions: Iterable[tuple[str, int]]) -> int:
        """Return how many records wait in these partitions. Blocks; call it from a thread.

        Raises:
            DependencyAway: no broker answered.
        """
        asked = [TopicPartition(*one) for one in sorted(partitions) if one[0] in self._topics]
        if not asked:
            return 0
        try:
            group = ConsumerGroupTopicPartitions(self._group, asked)
            answers = self._client.list_consumer_group_offsets([group], request_timeout=TIMEOUT_S)
            committed = {
                (one.topic, one.partition): max(one.offset, 0)
                for one in answers[self._group].result(TIMEOUT_S).topic_partitions
            }
            ends = self._client.list_offsets(
                {one: OffsetSpec.latest() for one in asked}, request_timeout=TIMEOUT_S
            )
            return sum(
                end.result(TIMEOUT_S).offset - committed.get((one.topic, one.partition), 0)
                for one, end in ends.items()
            )
        except KafkaException as error:
            raise failure(error.args[0], "asking for the group's lag") from error
