"""The broker is killed while webhooks are under way: the worker waits, and nothing is lost."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from webhook_receiver import receiving
from webhook_world import World, agent, until

from contex.local.kafka import Broker

WAIT_S = 90


@pytest.mark.promise(1)
async def test_a_broker_killed_with_200_updates_in_flight_loses_none(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    broker = Broker(tmp_path / "kafka")
    await asyncio.to_thread(broker.start)
    subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
        [sys.executable, "-m", "topology", "apply"],
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap},
        check=True,
        capture_output=True,
    )
    world = World(broker.bootstrap, tmp_path)
    await world.producer.start()
    agents = [agent(f"agent{number}") for number in range(20)]
    async with receiving() as receiver, world.worker() as worker:
        receiver.delay_s = 0.1
        ids: list[str] = []
        for key in agents:
            epoch = await world.register(key, f"{receiver.url}/{key.agent_id}")
            ids += await world.tell(key, epoch, times=10)
        await until(lambda: len(receiver.requests) >= 40, WAIT_S, "40 requests")
        await asyncio.to_thread(broker.kill)
        seen = len(receiver.requests)
        await asyncio.to_thread(broker.start)
        await until(
            lambda: {one.webhook_id for one in receiver.requests} == set(ids),
            WAIT_S,
            "200 distinct updates",
        )
        assert await worker.stop() == 0, worker.words
    await world.producer.stop()
    await asyncio.to_thread(broker.kill)

    duplicates = len(receiver.requests) - len(ids)
    figure(f"delivered 200 of 200, {duplicates} duplicates, broker killed after {seen}")
    assert seen < 200, "expected some to be left when it was killed"
