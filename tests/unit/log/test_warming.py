"""A client is asked until it has its producer id, and not for ever."""

import logging
from collections.abc import Callable

import pytest

from contex.errors import DependencyAway
from contex.log import warming
from contex.log.warming import ClientLog, warm_up

REFUSED = "Failed to acquire PID: Broker: Coordinator load in progress"
ACQUIRED = "Idempotent producer state change WaitPID -> Assigned"


class FakeClient:
    """Says one line at each poll after it was asked for the metadata, as librdkafka does."""

    def __init__(self, say: Callable[..., None], lines: list[str]) -> None:
        self.asked = 0
        self._say = say
        self._lines = lines

    def list_topics(self, timeout: float) -> None:
        assert timeout > 0
        self.asked += 1

    def poll(self, _timeout_s: float) -> None:
        if self._lines:
            self._say(logging.DEBUG, "%s [%s] %s", "IDEMPSTATE", "client", self._lines.pop(0))


def test_it_is_asked_again_until_a_broker_gives_out_an_id() -> None:
    log = ClientLog(logging.getLogger("unheard"))
    client = FakeClient(log.log, [REFUSED, REFUSED, ACQUIRED])
    warm_up(client, log)
    assert client.asked == 3
    assert log.ready.is_set()


def test_it_is_given_up_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "WARM_UP_TIMEOUT_S", 0.01)
    log = ClientLog(logging.getLogger("unheard"))
    with pytest.raises(DependencyAway, match="producer id"):
        warm_up(FakeClient(log.log, []), log)


def test_a_start_is_quiet_and_what_comes_later_is_passed_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="client"):
        log = ClientLog(logging.getLogger("client"))
        log.log(logging.WARNING, "%s [%s] %s", "GETPID", "client", REFUSED)
        log.log(logging.DEBUG, "%s [%s] %s", "IDEMPSTATE", "client", ACQUIRED)
        assert caplog.messages == []
        log.log(logging.WARNING, "%s [%s] %s", "GETPID", "client", REFUSED)
    assert caplog.messages == [f"GETPID [client] {REFUSED}"]
