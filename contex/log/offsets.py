"""Where partitions begin and end, and where a group goes on, also while nobody is there to say yet.

Decides when to ask again. Errors are the client's own: what they mean is the caller's to say.
"""

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.log.failures import MOVING, UNSETTLED

SETTLE_STEP_S = 0.05
"""Between two questions about a topic that is being created, or whose leader is elected."""
ASK_AGAIN_S = 0.2
"""A group's coordinator moves within a second or two, also when the cluster's first is made."""

Place = tuple[str, int]
"""A topic's name and the number of one of its partitions."""


def offsets(
    client: AdminClient,
    places: Iterable[TopicPartition],
    spec: OffsetSpec,
    *,
    timeout_s: float,
    settle_s: float | None = None,
) -> dict[Place, int]:
    """Ask every partition's leader for an offset, and again while there is none yet. Blocks.

    Args:
        client: whose memory of the cluster is brought up to date where it is out of date.
        places: the partitions.
        spec: which offset: the first, the one after the last record, the first since a time.
        timeout_s: how long one answer may take.
        settle_s: how long leaders are waited for; else as long as for an answer.

    Raises:
        KafkaException: the cluster refused, or a leader is missing still.
        TimeoutError: the client did not answer.
    """
    asked = dict.fromkeys(places, spec)
    deadline = time.monotonic() + (timeout_s if settle_s is None else settle_s)
    while True:
        answers = client.list_offsets(asked, request_timeout=timeout_s)
        try:
            return {
                # Longer than the client's own time limit, so that its words are heard.
                (place.topic, place.partition): answer.result(2 * timeout_s).offset
                for place, answer in answers.items()
            }
        except KafkaException as error:
            if error.args[0].code() not in UNSETTLED or time.monotonic() > deadline:
                raise
        time.sleep(SETTLE_STEP_S)
        # The client remembers that a leader or a partition was missing, for a quarter of an hour,
        # and would say it again without asking the cluster.
        client.list_topics(timeout=timeout_s)


def committed(
    member: Consumer, places: Iterable[TopicPartition], *, timeout_s: float
) -> dict[Place, int]:
    """Ask where a group goes on, and again while its coordinator moves. Blocks.

    Args:
        member: a consumer that is configured for the group.
        places: the partitions; one of which nothing is committed is told as 0.
        timeout_s: how long one answer may take, and how long the coordinator is waited for.

    Raises:
        KafkaException: the cluster refused or did not answer, or the coordinator moves still.
    """
    asked = list(places)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answers = member.committed(asked, timeout_s)
        except KafkaException as error:
            if error.args[0].code() not in MOVING or time.monotonic() > deadline:
                raise
        else:
            return {(one.topic, one.partition): max(one.offset, 0) for one in answers}
        time.sleep(ASK_AGAIN_S)
