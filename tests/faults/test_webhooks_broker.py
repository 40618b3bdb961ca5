"""The broker is killed while webhooks are under way: the worker waits, and nothing is lost."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from consistency import assert_consistent
from product import Api, UpdatesLog
from webhook_receiver import SECRET, Receiver, receiving
from webhook_world import until

from contex.local.stack import Stack, StackOptions

AGENTS = 20
VALUES = 10
WAIT_S = 90
NEED = "who is on call"


@pytest.mark.promise(1)
async def test_a_broker_killed_with_200_updates_in_flight_loses_none(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    stack = Stack(StackOptions(tmp_path / "data"))
    await asyncio.to_thread(stack.start)
    try:
        with UpdatesLog(stack.bootstrap) as log:
            async with receiving() as receiver:
                seen = await _kill_in_flight(stack, log, receiver)
        repeats = len(receiver.requests) - len({one.webhook_id for one in receiver.requests})
        figure(f"delivered 200 of 200, {repeats} repeats, broker killed after {seen}")
        await asyncio.to_thread(assert_consistent, stack.bootstrap, stack.index_port)
    finally:
        await asyncio.to_thread(stack.stop)


async def _kill_in_flight(stack: Stack, log: UpdatesLog, receiver: Receiver) -> int:
    """Tell every agent of every value; return how many webhooks had come at the kill."""
    api = Api(stack.gateway_url, "webhooks-broker")
    for number in range(AGENTS):
        webhook = {
            "notification_method": "webhook",
            "webhook_url": f"{receiver.url}/agent{number}",
            "webhook_secret": SECRET,
        }
        await asyncio.to_thread(api.register, f"agent{number}", NEED, **webhook)
    await until(lambda: len(receiver.requests) >= AGENTS, WAIT_S, "every agent's initial")
    receiver.delay_s = 0.1
    for number in range(VALUES):
        await asyncio.to_thread(api.publish, f"oncall/{number}", f"on call: person {number}")
    all_told = AGENTS * (1 + VALUES)
    await until(lambda: len(_ids(log)) == all_told, WAIT_S, f"{all_told} updates in the log")
    seen = len({one.webhook_id for one in receiver.requests}) - AGENTS
    await asyncio.to_thread(stack.kill, "broker")
    assert seen < AGENTS * VALUES, "expected some to be left when it was killed"
    await until(
        lambda: {one.webhook_id for one in receiver.requests} == _ids(log),
        WAIT_S,
        f"{all_told} distinct updates",
    )
    assert all(one.payload is not None for one in receiver.requests), "a signature did not hold"
    return seen


def _ids(log: UpdatesLog) -> set[str]:
    return {str(update.update_id) for update, _ in list(log.told)}
