"""The Faust application: two agents that hand batches to the processor, in order.

Faust acknowledges whatever its agent does with an event, an exception or a cancellation included.
So no exception leaves an agent here: a batch is finished, or the process ends hard.
"""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import faust

from contex.errors import DependencyAway
from contex.records.message import Received
from topology.catalogue import PUBLICATIONS, REGISTRATIONS
from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_TOO_MANY_DEAD_LETTERS, exit_hard
from workers.routing.processor import Processor, TooManyDeadLetters

BATCH_RECORDS_MAX = 64
BATCH_WITHIN_S = 0.01
DRAIN_S = 30.0

_log = logging.getLogger(__name__)

Process = Callable[[Sequence[Received]], Awaitable[None]]


def build_app(group: str, bootstrap: str, processor: Processor) -> Any:  # noqa: ANN401 - faust is untyped
    """Return the application, its two agents attached. The settings were measured, each alone."""
    app = faust.App(
        group,
        broker=[f"kafka://{server}" for server in bootstrap.split(",")],
        processing_guarantee="at_least_once",
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_max_poll_records=500,
        broker_commit_interval=0.2,
        broker_session_timeout=10,
        broker_heartbeat_interval=1,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / "contex-faust",  # it makes one and keeps nothing
        key_serializer="raw",
        value_serializer="raw",
    )
    _attach(app, PUBLICATIONS.name, processor.publications)
    _attach(app, REGISTRATIONS.name, processor.registrations)
    return app


def _attach(app: Any, topic: str, process: Process) -> None:  # noqa: ANN401 - faust is untyped
    async def agent(stream: Any) -> None:  # noqa: ANN401 - faust is untyped
        async for events in stream.take_events(BATCH_RECORDS_MAX, within=BATCH_WITHIN_S):
            await finish_or_exit(process([_received(event.message) for event in events]))

    raw = app.topic(topic, key_serializer="raw", value_serializer="raw", allow_empty=True)
    app.agent(raw, name=f"contex.{topic}", concurrency=1)(agent)


async def finish_or_exit(work: Awaitable[None]) -> None:
    """Await `work` to its end, even when cancelled; exit hard where it cannot end well."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await _ended(asyncio.wait_for(task, DRAIN_S))
        raise
    except Exception:  # noqa: BLE001 - the root of all work: judged below
        await _ended(task)


async def _ended(work: Awaitable[None]) -> None:
    try:
        await work
    except DependencyAway as error:
        exit_hard(EXIT_DEPENDENCY_AWAY, f"a dependency stayed away: {error}")
    except TooManyDeadLetters as error:
        exit_hard(EXIT_TOO_MANY_DEAD_LETTERS, f"too many dead letters: {error}")
    except TimeoutError:
        exit_hard(EXIT_DEPENDENCY_AWAY, f"a batch did not end within {DRAIN_S:.0f} s of shutdown")
    except BaseException as error:  # noqa: BLE001 - whatever it is, Faust must not see it
        _log.critical("a bug ended this worker", exc_info=error)
        exit_hard(EXIT_BUG, f"{type(error).__name__}: {error}")


def _received(message: Any) -> Received:  # noqa: ANN401 - faust is untyped
    headers = message.headers or ()
    return Received(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(headers.items() if isinstance(headers, dict) else headers),
    )
