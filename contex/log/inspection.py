"""What a cluster says about its consumers and its newest records, for whoever looks after it.

Decides nothing and changes nothing: joins no group, commits nothing. Calls block; each question is
bounded by `TIMEOUT_S`, and asked again for `SETTLE_S` at most.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.errors import DependencyAway
from contex.log.admin import SYSLOG_CRITICAL
from contex.log.failures import failure
from contex.log.offsets import Place, offsets

TIMEOUT_S: Final = 4.0
SETTLE_S: Final = 1.0
"""How long a missing leader is waited for: an election is over by then, and the caller waits."""
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
        with _told("describing consumer groups"):
            found = {name: answer.result(_ANSWER_S) for name, answer in answers.items()}
        return {
            name: Group(name, one.state.name.lower(), len(one.members))
            for name, one in found.items()
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

    def _offsets(self, places: Iterable[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
        with _told("looking for offsets"):
            return offsets(self._client, places, spec, timeout_s=TIMEOUT_S, settle_s=SETTLE_S)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise what an error of the client means."""
    try:
        yield
    except KafkaException as error:
        raise failure(error.args[0], what) from error
    except TimeoutError as error:
        raise DependencyAway(f"{what}: no answer in time") from error
