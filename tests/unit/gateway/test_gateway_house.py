"""The start of a house: what blocks does so beside the event loop."""

import asyncio
import threading

import pytest

from contex.errors import DependencyAway
from contex.records.names import AgentKey, Scope
from contex.records.registration import Registration, StreamDelivery
from contex.records.schema_source import SchemaSource
from contex.settings import Settings
from gateway import house as module
from gateway.house import House

PATIENCE_S = 10.0
REGISTRATION = Registration(AgentKey(Scope("t", "p"), "a"), (), StreamDelivery(), "event", 0)


async def test_the_loop_turns_while_the_registry_keeps_the_house_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, turned = threading.Event(), threading.Event()

    def silent(_settings: Settings) -> SchemaSource:
        asked.set()
        if turned.wait(PATIENCE_S):
            raise DependencyAway("no answer from the registry")
        raise AssertionError("the loop stood still while the registry was asked")

    monkeypatch.setattr(module, "schema_source", silent)
    house = House(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    assert not asked.is_set(), "the house is built, and answers, before the registry is asked"
    with pytest.raises(DependencyAway):
        house.services.codec.encode(REGISTRATION)
    starting = asyncio.create_task(house.start())
    assert await asyncio.to_thread(asked.wait, PATIENCE_S), "the registry was never asked"
    turned.set()
    with pytest.raises(DependencyAway, match="no answer from the registry"):
        await starting
    assert not house.started
    await house.stop()
