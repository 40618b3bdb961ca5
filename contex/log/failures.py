"""What an error of the Kafka client means for the work at hand.

Decides which leaf of the error tree a client's error becomes. Retries nothing: librdkafka has
already retried whatever could succeed within its timeouts.
"""

from confluent_kafka import KafkaError

from contex.errors import DependencyAway, LimitExceeded

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
_TOPIC_MISSING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - the client's public spelling of its local codes
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
    }
)
PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - as above
        KafkaError._TRANSPORT,  # noqa: SLF001 - as above
    }
)
"""What a consumer reports while it goes on trying by itself: no reason to give up."""
ELECTING = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""What a cluster answers for a partition whose leader is not there yet: ask again."""
UNSETTLED = ELECTING | {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._NOENT,  # noqa: SLF001 - as above; its words are "No leaders found"
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
}
"""What it or the client's memory answers besides while a topic is being created, or grows."""
MOVING = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What a group's coordinator answers while it is another's turn, or nobody's yet: ask again."""
_REFUSED = frozenset(
    {
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.POLICY_VIOLATION,
    }
)


class LogMisuse(RuntimeError):
    """A topic that does not exist, or a record that breaks its topic's rules: a bug of ours.

    Outside the error tree on purpose: repeating it cannot help, and no caller is to blame. A topic
    that is missing everywhere means that the topology was not applied.
    """


def failure(error: KafkaError, what: str) -> Exception:
    """Return the exception to raise for `error`, which happened while doing `what`."""
    code = error.code()
    reason = f"{what}: {error.str()} ({error.name()})"
    if code in _TOO_LARGE:
        return LimitExceeded(reason)
    if code in _TOPIC_MISSING:
        return LogMisuse(f"{reason}; were the topics applied?")
    if code in _REFUSED:
        return LogMisuse(reason)
    return DependencyAway(reason)
