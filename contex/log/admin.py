"""A cluster's topics: describe, create, alter, and how far they reach.

Decides nothing about topics: the topology does. Every call blocks, bounded by `CALL_TIMEOUT_S`
where the caller names no limit of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from contex.errors import DependencyAway
from contex.log.failures import LogMisuse, failure
from contex.log.offsets import offsets

if TYPE_CHECKING:
    from concurrent.futures import Future

CALL_TIMEOUT_S = 30.0
SYSLOG_CRITICAL = 2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is, or as it shall be.

    Attributes:
        config: what is set on the topic itself; the broker's defaults are not listed.
    """

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)


class Cluster:
    """Administers one Kafka cluster."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "reconnect.backoff.max.ms": 1_000,
                # Twenty refused connections a second would bury the one error that is raised.
                "log_level": SYSLOG_CRITICAL,
            }
        )

    def brokers(self) -> int:
        """Return how many brokers answer."""
        return len(self._metadata(CALL_TIMEOUT_S).brokers)

    def names(self) -> list[str]:
        """Return the names of all topics."""
        return sorted(self._metadata(CALL_TIMEOUT_S).topics)

    def describe(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Return the topics of `names` that exist."""
        wanted = set(names)
        found = self._metadata(CALL_TIMEOUT_S).topics
        topics = {name: topic for name, topic in found.items() if name in wanted}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        if not resources:
            return {}
        configs = {
            resource.name: _await(answer, f"describing {resource.name}")
            for resource, answer in self._client.describe_configs(
                resources, request_timeout=CALL_TIMEOUT_S
            ).items()
        }
        return {
            name: TopicState(
                name=name,
                partitions=len(topic.partitions),
                replication_factor=len(topic.partitions[0].replicas),
                config=_own_settings(configs[name]),
            )
            for name, topic in topics.items()
        }

    def create(self, topics: Iterable[TopicState]) -> list[str]:
        """Create topics; return the names of those that did not exist already.

        When it returns, every partition has a leader that takes records.

        Raises:
            DependencyAway: the cluster did not answer.
            LogMisuse: the cluster refuses such a topic.
        """
        wanted = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=topic.replication_factor,
                config=dict(topic.config),
            )
            for topic in topics
        ]
        if not wanted:
            return []
        answers = self._client.create_topics(
            wanted, operation_timeout=CALL_TIMEOUT_S, request_timeout=CALL_TIMEOUT_S
        )
        created = []
        for name, answer in answers.items():
            try:
                answer.result(CALL_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise failure(error.args[0], f"creating {name}") from error
            else:
                created.append(name)
        for topic in wanted:
            if topic.topic in created:
                what = f"creating {topic.topic}"
                self._latest(topic.topic, range(topic.num_partitions), what, CALL_TIMEOUT_S)
        return created

    def alter(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set the given settings of one topic; None returns one to the broker's default."""
        entries = [
            ConfigEntry(
                setting,
                value,
                incremental_operation=AlterConfigOpType.DELETE
                if value is None
                else AlterConfigOpType.SET,
            )
            for setting, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        answers = self._client.incremental_alter_configs([resource], request_timeout=CALL_TIMEOUT_S)
        for answer in answers.values():
            _await(answer, f"altering {name}")

    def grow(self, name: str, partitions: int) -> None:
        """Give a topic more partitions, `partitions` in all. Its keys move.

        When it returns, every partition has a leader that takes records.
        """
        answers = self._client.create_partitions(
            [NewPartitions(name, partitions)],
            operation_timeout=CALL_TIMEOUT_S,
            request_timeout=CALL_TIMEOUT_S,
        )
        for answer in answers.values():
            _await(answer, f"growing {name}")
        self._latest(name, range(partitions), f"growing {name}", CALL_TIMEOUT_S)

    def end_offsets(self, topic: str, *, timeout_s: float = CALL_TIMEOUT_S) -> dict[int, int]:
        """Return the offset after the last record, by partition.

        Args:
            topic: its name.
            timeout_s: how long each of the two questions to the cluster may take.

        Raises:
            DependencyAway: the cluster did not answer.
            LogMisuse: the topic does not exist.
        """
        state = self._metadata(timeout_s).topics.get(topic)
        if state is None:
            raise LogMisuse(f"measuring {topic}: there is no such topic; were the topics applied?")
        return self._latest(topic, state.partitions, f"measuring {topic}", timeout_s)

    def _latest(
        self, topic: str, partitions: Iterable[int], what: str, timeout_s: float
    ) -> dict[int, int]:
        places = [TopicPartition(topic, number) for number in partitions]
        latest = OffsetSpec.latest()
        found = _call(
            lambda: offsets(self._client, places, latest, timeout_s=timeout_s), what, timeout_s
        )
        return {number: end for (_, number), end in found.items()}

    def _metadata(self, timeout_s: float) -> Any:  # noqa: ANN401 - the client is untyped
        return _call(
            lambda: self._client.list_topics(timeout=timeout_s), "listing topics", timeout_s
        )


def _own_settings(entries: Mapping[str, ConfigEntry]) -> dict[str, str]:
    return {
        name: entry.value
        for name, entry in entries.items()
        if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    }


def _await(answer: "Future[_T]", what: str) -> _T:
    return _call(lambda: answer.result(CALL_TIMEOUT_S), what, CALL_TIMEOUT_S)


def _call(call: Callable[[], _T], what: str, timeout_s: float) -> _T:
    try:
        return call()
    except KafkaException as error:
        raise failure(error.args[0], what) from error
    except TimeoutError as error:
        raise DependencyAway(f"{what}: no answer in {timeout_s} s") from error
