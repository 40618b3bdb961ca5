"""An acknowledgement that does not say where the record stands is none."""

from dataclasses import dataclass

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError

from contex.errors import DependencyAway, LimitExceeded
from contex.log.receipts import receipt_or_error
from contex.records.message import Receipt


@dataclass
class Sent:
    """A record as the client reports it."""

    at: int | None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int | None:
        return self.at


@pytest.mark.parametrize("offset", [0, 7, 2**40])
def test_a_record_stands_where_the_broker_says(offset: int) -> None:
    assert receipt_or_error(None, Sent(offset)) == Receipt("t", 3, offset)


@pytest.mark.promise(1)
@pytest.mark.parametrize("offset", [OFFSET_INVALID, -1, None])
def test_a_record_that_stands_nowhere_is_not_acknowledged(offset: int | None) -> None:
    answer = receipt_or_error(None, Sent(offset))
    assert isinstance(answer, DependencyAway)
    assert "may not be written" in str(answer)


def test_an_error_is_told_as_what_it_means() -> None:
    answer = receipt_or_error(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), Sent(OFFSET_INVALID))
    assert isinstance(answer, LimitExceeded)
