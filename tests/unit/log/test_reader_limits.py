"""What a reader does with calls that no thread is free for; its cluster holds the threads."""

import threading

import pytest

from contex.errors import DependencyAway
from contex.log.reader import Reader

NOWHERE = "127.0.0.1:1"
PATIENT_S = 30.0


class Held:
    """A cluster whose answers wait until they are let go; notes the limit of every call."""

    def __init__(self) -> None:
        self.limits_s: list[float] = []
        self.let_go = threading.Event()

    def end_offsets(self, topic: str, *, timeout_s: float) -> dict[int, int]:
        self.limits_s.append(timeout_s)
        assert self.let_go.wait(PATIENT_S)
        return {0: 7}


async def test_a_call_that_was_given_up_before_it_began_never_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Reader(NOWHERE, consumers_max=1)
    cluster = Held()
    monkeypatch.setattr(reader, "_cluster", cluster)
    for _ in range(3):
        with pytest.raises(DependencyAway, match=r"no answer in 0\.2 s"):
            await reader.end_offsets("t", timeout_s=0.2)
    with pytest.raises(DependencyAway):
        await reader.bounds("t", 0, timeout_s=0.1)
    cluster.let_go.set()
    assert await reader.end_offsets("t", timeout_s=PATIENT_S) == {0: 7}
    await reader.stop()

    given_up, answered = cluster.limits_s
    assert given_up <= 0.2 < answered <= PATIENT_S, "expected each call to be told its own limit"
