"""`python -m workers.webhooks`: wires the webhook worker and runs it until it is told to stop.

Order of start: producer, view of the registrations, then the consumer group, so that no partition
is taken before it can be served. Order of stop: finish what is under way, commit, leave the group.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from contex.errors import DependencyAway
from contex.log.admin import Cluster
from contex.log.consumer import Consumer
from contex.log.lag import GroupLag
from contex.log.producer import Producer
from contex.log.registrations import RegistrationsView
from contex.log.registry import schema_source
from contex.records.codec import Codec
from contex.settings import Settings
from contex.telemetry.logs import get_logger
from contex.webhooks.attempts import Schedule
from contex.webhooks.delivery import Delivery, Topics
from contex.webhooks.lanes import Lanes
from contex.webhooks.loop import DeliveryLoop
from contex.webhooks.secrets import SecretBox
from contex.webhooks.sender import Sender
from contex.webhooks.slots import IN_FLIGHT_MAX, Slots
from topology.catalogue import ATTEMPTS, REGISTRATIONS, RETRY_LANES, UPDATES, WEBHOOKS_DEAD_LETTER
from topology.stages import WEBHOOKS
from workers.exits import exit_hard
from workers.lookout import Lookout
from workers.process import LOOP_SILENT_S_MAX, finished_before, health_server, run
from workers.watchdog import Progress, Watchdog, end_stalled
from workers.webhooks.agents import ViewedAgents

VIEW_START_S_MAX = 120.0
DELIVERY_S_MAX = 240.0
"""Beyond every bound of a delivery: one request, and the log's two records, each sent thrice."""

_log = get_logger(__name__)
_LANES_S = {lane.name: lane.delay_s for lane in RETRY_LANES if lane.delay_s is not None}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the worker is made of."""

    view: RegistrationsView
    delivery: Delivery
    loop: DeliveryLoop
    consumer: Consumer
    lookout: Lookout


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        opening = asyncio.ensure_future(_open(settings, stack))
        if not await finished_before(stop, opening):
            exit_hard(0, "stopped before anything was taken")
        parts = opening.result()
        await _start_health(settings, stack, parts)
        await _run(parts, stop)


async def _open(settings: Settings, stack: AsyncExitStack) -> _Parts:
    bootstrap = settings.kafka_bootstrap_servers
    keys = settings.secret_keys
    box = SecretBox(keys.get_secret_value() if keys else None)
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    producer = Producer(bootstrap)
    await producer.start()
    stack.push_async_callback(producer.stop)
    view = await _followed(RegistrationsView(bootstrap, REGISTRATIONS.name, codec.registration))
    stack.push_async_callback(view.stop)
    sender = Sender(settings.webhook_allow, connections_max=IN_FLIGHT_MAX)
    await stack.enter_async_context(sender)
    delivery = Delivery(
        codec=codec,
        agents=ViewedAgents(view, Cluster(bootstrap)),
        box=box,
        sender=sender,
        log=producer,
        topics=Topics(
            lanes={delay_s: name for name, delay_s in _LANES_S.items()},
            attempts=ATTEMPTS.name,
            dead_letter=WEBHOOKS_DEAD_LETTER.name,
        ),
        schedule=Schedule(tuple(_LANES_S.values()), settings.webhook_attempts_max),
        slots=Slots(),
    )
    loop = DeliveryLoop(Lanes(_LANES_S), UPDATES.name, delivery.deliver, delivery.put_off)
    group, topics = WEBHOOKS.group or "", [UPDATES.name, *_LANES_S]
    consumer = Consumer(bootstrap, group, topics, loop.leave)
    lag = GroupLag(bootstrap, group, topics)
    lookout = Lookout(WEBHOOKS.name, lag, topics, lambda: consumer.assigned, {})
    return _Parts(view, delivery, loop, consumer, lookout)


async def _followed(view: RegistrationsView) -> RegistrationsView:
    await view.start()
    if not await view.wait_caught_up(timeout_s=VIEW_START_S_MAX):
        raise DependencyAway(f"{REGISTRATIONS.name} was not read in {VIEW_START_S_MAX:.0f} s")
    return view


async def _start_health(settings: Settings, stack: AsyncExitStack, parts: _Parts) -> None:
    def live() -> Mapping[str, bool]:
        return {"loop": parts.loop.silent_s < LOOP_SILENT_S_MAX}

    def ready() -> Mapping[str, bool]:
        return {**live(), "assigned": bool(parts.consumer.assigned)}

    health = health_server(settings, live=live, ready=ready)
    if health is not None:
        await stack.enter_async_context(health)


async def _run(parts: _Parts, stop: asyncio.Event) -> None:
    progress = Progress()
    watchdog = Watchdog(WEBHOOKS.name, {"delivery": progress})
    watchdog.start()
    following = asyncio.create_task(parts.view.ended())
    await parts.consumer.start()
    parts.lookout.start()
    _log.info("delivering webhooks", group=WEBHOOKS.group)
    while not stop.is_set():
        await parts.loop.turn(parts.consumer)
        progress.turn()
        end_if_stuck(parts.delivery.oldest_s)
        parts.lookout.end_if_blind()
        if following.done():
            following.result()
            raise DependencyAway("the view of the registrations ended")
    _log.info("stopping")
    progress.turn()
    await parts.lookout.stop()
    await parts.consumer.stop(await parts.loop.stop())
    following.cancel()
    watchdog.stop()


def end_if_stuck(oldest_s: float) -> None:
    """End the process if a delivery does not return: nothing else would notice."""
    if oldest_s > DELIVERY_S_MAX:
        end_stalled(WEBHOOKS.name, f"a delivery has been in hand for {oldest_s:.0f} s")


def main() -> None:
    """Run the worker; the exit status and the last line say why it ended."""
    run(WEBHOOKS.name, _serve)


if __name__ == "__main__":
    main()
