"""Each error of the client ends in the leaf that decides what happens to the work."""

import pytest
from confluent_kafka import KafkaError

from contex.errors import DependencyAway, LimitExceeded
from contex.log.failures import LogMisuse, failure


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, LimitExceeded),
        (KafkaError.RECORD_LIST_TOO_LARGE, LimitExceeded),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, LogMisuse),
        (KafkaError.TOPIC_EXCEPTION, LogMisuse),
        (KafkaError._UNKNOWN_TOPIC, LogMisuse),
        (KafkaError._UNKNOWN_PARTITION, LogMisuse),
        (KafkaError.INVALID_RECORD, LogMisuse),
        (KafkaError.INVALID_CONFIG, LogMisuse),
        (KafkaError._MSG_TIMED_OUT, DependencyAway),
        (KafkaError._PURGE_QUEUE, DependencyAway),
        (KafkaError._FATAL, DependencyAway),
        (KafkaError.NOT_ENOUGH_REPLICAS, DependencyAway),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, DependencyAway),
    ],
)
def test_leaf(code: int, expected: type[Exception]) -> None:
    error = failure(KafkaError(code), "producing to t")
    assert type(error) is expected
    assert "producing to t" in str(error)
    assert KafkaError(code).name() in str(error)
