"""The canonical line of a routed record, whatever its key is."""

import pytest

from contex.errors import InvalidRecord
from contex.records.message import Received
from contex.routing.outcomes import Rejected
from contex.telemetry.canonical import NAME_CHARACTERS_MAX
from topology.catalogue import PUBLICATIONS, REGISTRATIONS
from workers.routing.processor import _told


@pytest.mark.parametrize("key", [b"k" * 10**6, b"a/" + b"k" * 10**6, b"a/b/" + b"k" * 10**6])
@pytest.mark.parametrize("topic", [PUBLICATIONS.name, REGISTRATIONS.name])
def test_a_key_that_is_far_too_long_makes_no_long_line(key: bytes, topic: str) -> None:
    told = _told(Received(topic, 0, 7, 1, key, b"", ()), Rejected(InvalidRecord("no")))

    assert len(str(told)) < NAME_CHARACTERS_MAX + 300
    assert told["outcome"] == "dead_lettered"


def test_a_key_that_is_no_text_is_told_as_far_as_it_is() -> None:
    told = _told(
        Received(PUBLICATIONS.name, 0, 7, 1, b"a/\xff/k", b"", ()), Rejected(InvalidRecord("no"))
    )

    assert (told["tenant"], told["project"], told["key"]) == ("a", "\ufffd", "k")
