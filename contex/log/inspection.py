"""What a cluster says about its consumers and its newest records, for whoever looks after it.

Decides nothing and changes nothing: joins no group, commits nothing. Calls block, each bounded by
`TIMEOUT_S`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.errors import DependencyAway
from contex.log.admin import SYSLOG_CRITICAL
from contex.log.failures import failure

TIMEOUT_S: Final = 4.0
_ANSWER_S: Final = TIMEOUT_S + 1
"""Longer than the client's own time limit, so that its words are heard."""


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group. One of no members is known only by what it has committed."""

    name: str
    state: str
    members: int


class Inspection:
    """Looks at one Kafka cluster."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "log_level": SYSLOG_CRITICAL,
                "socket.timeout.ms": int(TIMEOUT_S * 1_000),
            }
        )

    def groups(self, names: Sequence[str]) -> Mapping[str, Group]:
        """Return the groups of `names`; one that never was is told as dead.

        Raises:
            DependencyAway: the cluster did not answer.
        """
        if not names:
            return {}
        answers = self._client.describe_consumer_groups(list(names), request_timeout=TIMEOUT_S)
        return {
            name: Group(name, found.state.name.lower(), len(found.members))
            for name, found in self._results(answers, "describing consumer groups").items()
        }

    def records_since(self, topics: Mapping[str, int], since_ms: int) -> Mapping[str, int]:
        """Return how many records each topic (by name, with its partitions) took since a time.

        Raises:
            DependencyAway: the cluster did not answer.
            LogMisuse: a topic does not exist.
        """
        places = [
            TopicPartition(name, number)
            for name, count in topics.items()
            for number in range(count)
        ]
        first = self._offsets(places, OffsetSpec.for_timestamp(since_ms))
        ends = self._offsets(places, OffsetSpec.latest())
        counts = dict.fromkeys(topics, 0)
        for place, end in ends.items():
            # No record so young is told as a negative offset.
            counts[place[0]] += end - first[place] if first[place] >= 0 else 0
        return counts

    def _offsets(
        self, places: Iterable[TopicPartition], spec: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        answers = self._client.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT_S)
        found = self._results(answers, "looking for offsets")
        return {(place.topic, place.partition): one.offset for place, one in found.items()}

    def _results(self, answers: Mapping[Any, Any], what: str) -> dict[Any, Any]:
        try:
            return {asked: answer.result(_ANSWER_S) for asked, answer in answers.items()}
        except KafkaException as error:
            raise failure(error.args[0], what) from error
        except TimeoutError as error:
            raise DependencyAway(f"{what}: no answer in {_ANSWER_S:g} s") from error
