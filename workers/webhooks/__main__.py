"""`python -m workers.webhooks`: wires the webhook worker and runs it until it is told to stop.

Order of start: producer, view of the registrations, then the consumer group, so that no partition
is taken before it can be served. Order of stop: finish what is under way, commit, leave the group.
"""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack

from contex.errors import CallerError, DependencyAway
from contex.log.admin import Cluster
from contex.log.consumer import Consumer
from contex.log.producer import Producer
from contex.log.registrations import RegistrationsView
from contex.log.registry import schema_source
from contex.records.codec import Codec
from contex.settings import Settings, load_settings
from contex.telemetry import metrics
from contex.telemetry.health import HealthServer
from contex.telemetry.logs import configure, get_logger
from contex.webhooks.attempts import Schedule
from contex.webhooks.delivery import Delivery, Topics
from contex.webhooks.lanes import Lanes
from contex.webhooks.loop import DeliveryLoop
from contex.webhooks.secrets import SecretBox, SecretKeysUnusable
from contex.webhooks.sender import Sender
from contex.webhooks.slots import IN_FLIGHT_MAX, Slots
from topology.catalogue import ATTEMPTS, REGISTRATIONS, RETRY_LANES, UPDATES, WEBHOOKS_DEAD_LETTER
from topology.stages import WEBHOOKS
from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS, exit_hard
from workers.watchdog import EXIT_STALLED, Progress, Watchdog
from workers.webhooks.agents import ViewedAgents

VIEW_START_S_MAX = 120.0
LOOP_SILENT_S_MAX = 15.0
DELIVERY_S_MAX = 240.0
"""Beyond every bound of a delivery: one request, and the log's two records, each sent thrice."""

_log = get_logger(__name__)
_LANES_S = {lane.name: lane.delay_s for lane in RETRY_LANES if lane.delay_s is not None}


async def _serve(settings: Settings) -> None:
    bootstrap = settings.kafka_bootstrap_servers
    keys = settings.secret_keys
    box = SecretBox(keys.get_secret_value() if keys else None)
    codec = Codec(await asyncio.to_thread(schema_source, settings))
    async with AsyncExitStack() as stack:
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
        consumer = Consumer(bootstrap, WEBHOOKS.group or "", [UPDATES.name, *_LANES_S], loop.leave)
        await _start_health(settings, stack, loop, consumer)
        await _run(loop, consumer, view, delivery)


async def _followed(view: RegistrationsView) -> RegistrationsView:
    await view.start()
    if not await view.wait_caught_up(timeout_s=VIEW_START_S_MAX):
        raise DependencyAway(f"{REGISTRATIONS.name} was not read in {VIEW_START_S_MAX:.0f} s")
    return view


async def _start_health(
    settings: Settings, stack: AsyncExitStack, loop: DeliveryLoop, consumer: Consumer
) -> None:
    if settings.health_port is None:
        return

    def live() -> Mapping[str, bool]:
        return {"loop": loop.silent_s < LOOP_SILENT_S_MAX}

    def ready() -> Mapping[str, bool]:
        return {**live(), "assigned": bool(consumer.assigned)}

    health = HealthServer(settings.health_port, live=live, ready=ready)
    await stack.enter_async_context(health)


async def _run(
    loop: DeliveryLoop, consumer: Consumer, view: RegistrationsView, delivery: Delivery
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    progress = Progress()
    watchdog = Watchdog({"webhooks": progress}, end=_end)
    watchdog.start()
    following = asyncio.create_task(view.ended())
    await consumer.start()
    _log.info("delivering webhooks", group=WEBHOOKS.group)
    while not stop.is_set():
        await loop.turn(consumer)
        progress.turn()
        end_if_stuck(delivery.oldest_s)
        if following.done():
            following.result()
            raise DependencyAway("the view of the registrations ended")
    _log.info("stopping")
    progress.turn()
    await consumer.stop(await loop.stop())
    following.cancel()
    watchdog.stop()


def end_if_stuck(oldest_s: float) -> None:
    """End the process if a delivery does not return: nothing else would notice."""
    if oldest_s > DELIVERY_S_MAX:
        _end(f"a delivery has been in hand for {oldest_s:.0f} s")


def _end(reason: str) -> None:
    metrics.WATCHDOG_EXITS.labels(WEBHOOKS.name).inc()
    exit_hard(EXIT_STALLED, f"watchdog: {reason}")


def main() -> None:
    """Run the worker; the exit status and the last line say why it ended."""
    try:
        settings = load_settings()
        configure(settings, "webhooks")
        asyncio.run(_serve(settings))
    except (CallerError, SecretKeysUnusable) as error:
        exit_hard(EXIT_SETTINGS, str(error))
    except DependencyAway as error:
        exit_hard(EXIT_DEPENDENCY_AWAY, str(error))
    except Exception as error:  # noqa: BLE001 - the process root: nothing unfinished may be committed
        _log.critical("a bug", exc_info=True)
        exit_hard(EXIT_BUG, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
