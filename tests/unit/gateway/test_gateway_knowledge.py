"""The index and the embedder are opened after the gateway is ready; whoever asks waits, bounded."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.port import Embedder
from contex.errors import DependencyAway, InvalidValue
from contex.index.memory import MemoryIndex
from contex.index.types import ValueHead
from contex.records import Scope, ValueKey
from contex.settings import Settings
from gateway import knowledge, limits
from gateway.knowledge import Knowledge

KEY = ValueKey(Scope("t", "p"), "k")
DEADLINE_S = 10.0


class Loading:
    """Loads an embedder once `gate` opens; fails `failures` times before."""

    def __init__(self, failures: int = 0) -> None:
        self.gate = threading.Event()
        self.failures = failures
        self.tries = 0
        self.index = MemoryIndex()

    def load(self, _settings: Settings) -> Embedder:
        self.tries += 1
        assert self.gate.wait(DEADLINE_S), "the gate was never opened"
        if self.tries <= self.failures:
            raise InvalidValue("no such model", field="CONTEX_MODEL")
        return DeterministicEmbedder(recipe="r1")


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loading]:
    one = Loading()
    monkeypatch.setattr(knowledge, "_load", one.load)
    monkeypatch.setattr(knowledge, "_index", lambda _settings, _embedder: one.index)
    monkeypatch.setattr(limits, "KNOWLEDGE_RETRY_INTERVAL_S", 0.01)
    yield one
    one.gate.set()


async def test_who_asks_early_waits_for_the_embedder(loading: Loading) -> None:
    opened = Knowledge(Settings())
    opened.start()
    asked = [asyncio.create_task(opened.ports()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(one.done() for one in asked)
    loading.gate.set()
    found = await asyncio.gather(*asked)
    assert [one.index for one in found] == [loading.index] * 3
    assert (await found[0].embedder.embed(["a text"])).shape == (1, 384)
    assert loading.tries == 1
    await opened.stop()


async def test_nobody_waits_for_ever_and_who_comes_later_is_served(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KNOWLEDGE_WAIT_TIMEOUT_S", 0.02)
    opened = Knowledge(Settings())
    opened.start()
    with pytest.raises(DependencyAway, match="not loaded yet"):
        await opened.ports()
    loading.gate.set()
    monkeypatch.setattr(limits, "KNOWLEDGE_WAIT_TIMEOUT_S", DEADLINE_S)
    assert (await opened.ports()).index is loading.index
    await opened.stop()


async def test_an_embedder_that_cannot_be_loaded_is_tried_again(loading: Loading) -> None:
    loading.failures = 2
    loading.gate.set()
    opened = Knowledge(Settings())
    opened.start()
    assert (await opened.ports()).index is loading.index
    assert loading.tries == 3
    await opened.stop()


async def test_a_bug_in_an_embedder_is_logged_and_tried_again_like_its_absence(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def index(_settings: Settings, _embedder: Embedder) -> MemoryIndex:
        if loading.tries < 3:
            raise RuntimeError("a library's own")
        return loading.index

    monkeypatch.setattr(knowledge, "_index", index)
    loading.gate.set()
    opened = Knowledge(Settings())
    opened.start()
    assert (await opened.ports()).index is loading.index
    assert loading.tries == 3
    await opened.stop()


async def test_heads_are_those_of_the_index(loading: Loading) -> None:
    loading.gate.set()
    await loading.index.switch_value_heads({KEY: ValueHead(3, "hash")})
    opened = Knowledge(Settings())
    opened.start()
    assert await opened.value_heads([KEY]) == {KEY: ValueHead(3, "hash")}
    await opened.stop()


async def test_before_the_start_there_is_nothing_to_wait_for() -> None:
    closed = Knowledge(Settings())
    with pytest.raises(DependencyAway, match="not open"):
        await closed.ports()
    await closed.stop()


async def test_it_can_be_stopped_while_it_loads(loading: Loading) -> None:
    opened = Knowledge(Settings())
    opened.start()
    await asyncio.sleep(0)
    stopping = asyncio.create_task(opened.stop())
    loading.gate.set()
    await asyncio.wait_for(stopping, DEADLINE_S)
    with pytest.raises((DependencyAway, asyncio.CancelledError)):
        await opened.ports()
