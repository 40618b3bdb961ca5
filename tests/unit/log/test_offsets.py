"""Leaders that are missing are asked for anew, and not for ever, over a client made of a script."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contex.log.failures import UNSETTLED
from contex.log.offsets import offsets

PLACES = [TopicPartition("orders", 0), TopicPartition("orders", 1)]


class Forgetful:
    """Stands for the admin client: what it knows of the cluster is as old as its last look.

    Attributes:
        truths: what the cluster would answer at each look, the last one from then on: an error
            code, or None for offsets.
    """

    def __init__(self, truths: Iterable[int | None]) -> None:
        self.truths = list(truths)
        self.looks = 0

    def list_topics(self, **_: object) -> None:
        self.looks += 1

    def list_offsets(
        self, specs: Mapping[TopicPartition, OffsetSpec], **_: object
    ) -> dict[TopicPartition, "Future[Any]"]:
        code = self.truths[min(self.looks, len(self.truths) - 1)]
        answers: dict[TopicPartition, Future[Any]] = {place: Future() for place in specs}
        for place, answer in answers.items():
            if code is None:
                answer.set_result(SimpleNamespace(offset=7 + place.partition))
            else:
                answer.set_exception(KafkaException(KafkaError(code)))
        return answers


def ask(client: Forgetful, timeout_s: float) -> dict[tuple[str, int], int]:
    admin = cast("AdminClient", client)
    return offsets(admin, PLACES, OffsetSpec.latest(), timeout_s=timeout_s)


@pytest.mark.parametrize("code", sorted(UNSETTLED))
def test_a_missing_leader_is_looked_for_until_it_is_there(code: int) -> None:
    client = Forgetful([code, code, None])
    assert ask(client, 30) == {("orders", 0): 7, ("orders", 1): 8}
    assert client.looks == 2


def test_a_leader_that_never_comes_is_an_error() -> None:
    missing = KafkaError.LEADER_NOT_AVAILABLE
    with pytest.raises(KafkaException) as raised:
        ask(Forgetful([missing]), 0.2)
    assert raised.value.args[0].code() == missing


def test_a_refusal_is_told_at_once() -> None:
    client = Forgetful([KafkaError.TOPIC_AUTHORIZATION_FAILED, None])
    with pytest.raises(KafkaException):
        ask(client, 30)
    assert client.looks == 0
