"""`make run`: starts the whole stack, plays the scenario, prints who was told what, keeps serving.

With `--exit` it ends after the example, with status 0 only if everything expected arrived and
nothing else did.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp
import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contex.cli.dev import bring_model, guide
from contex.cli.view import View
from contex.errors import ContexError
from contex.local.errors import StackError
from contex.local.stack import Stack, StackOptions
from contex.webhooks.secrets import generate_secret
from examples import scenario
from examples.actors import KafkaFeed, WebhookReceiver, agent_key, listen, now_ms
from examples.scenario import EXPECTED, Agent, Publish, Telling

ARRIVAL_S_MAX = 60.0
QUIET_S = 1.5
POLL_S = 0.05
COLUMNS = ("agent", "by", "update", "value", "score", "latency")
FIGURES = {"score", "latency"}
PIPED_COLUMNS = 120

Join = Callable[[Agent], Awaitable[None]]


@dataclass(frozen=True)
class Told:
    """One value, as one agent was told it."""

    agent: str
    channel: str
    kind: str
    data_key: str
    score: float
    need: str
    latency_ms: float | None


@dataclass
class Notebook:
    """What was told, to whom, and how long after its publish."""

    published_ms: dict[tuple[str, int], float] = field(default_factory=dict)
    registered_ms: dict[str, float] = field(default_factory=dict)
    welcomed: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    noted_at: float = 0.0

    def note(self, channel: str, update_type: str, data: dict[str, Any]) -> None:
        """Note an update. An `initial` may be empty: nothing matched yet."""
        at_ms = now_ms()
        kind = update_type.removeprefix("context.")
        self.noted_at = time.monotonic()
        if kind == "initial":
            self.welcomed.add(data["agent_id"])
        for item in data["items"]:
            cause_ms = (
                self.registered_ms.get(data["agent_id"])
                if kind == "initial"
                else self.published_ms.get((item["data_key"], item["revision"]))
            )
            best: dict[str, Any] = next(iter(item["needs"]), {"need": "", "score": 0.0})
            self.told.append(
                Told(
                    data["agent_id"],
                    channel,
                    kind,
                    item["data_key"],
                    best["score"],
                    best["need"],
                    None if cause_ms is None else at_ms - cause_ms,
                )
            )

    def tellings(self) -> set[Telling]:
        """Return who was told what, without repeats."""
        return {(told.agent, told.kind, told.data_key) for told in self.told}

    async def welcome(self, names: set[str]) -> None:
        """Wait until each of these agents has its initial context."""
        await _until(lambda: names <= self.welcomed)

    async def complete(self, expected: frozenset[Telling]) -> None:
        """Wait until everything expected has arrived and it has been quiet for a moment."""
        await _until(
            lambda: expected <= self.tellings() and time.monotonic() - self.noted_at > QUIET_S
        )


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ARRIVAL_S_MAX
    while time.monotonic() < deadline and not condition():  # noqa: ASYNC110 - many sources notify
        await asyncio.sleep(POLL_S)


class Shop:
    """The shop's side: registers agents and publishes values through the REST API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, notebook: Notebook) -> None:
        self._session = session
        self.api = f"{url}/api/v1"
        # Of its own for each play: a second one would publish what everybody knows already.
        self.project = f"coffee-shop-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        self._notebook = notebook

    async def register(self, agent: Agent, **delivery: str) -> str:
        """Register an agent and return the cursor at which its feed begins."""
        self._notebook.registered_ms[agent.name] = now_ms()
        answer = await self._send(
            "POST",
            "/agents/register",
            {
                "agent_id": agent.name,
                "project_id": self.project,
                "data_needs": list(agent.needs),
                "notification_method": agent.channel,
                **delivery,
            },
        )
        return str(answer["cursor"])

    async def publish(self, value: Publish) -> None:
        """Publish a value; the answer comes when Kafka has acknowledged it."""
        started_ms = now_ms()
        answer = await self._send(
            "POST",
            "/data/publish",
            {
                "project_id": self.project,
                "data_key": value.data_key,
                "data": value.data,
                "data_format": value.data_format,
            },
        )
        self._notebook.published_ms[value.data_key, answer["revision"]] = started_ms

    async def delete(self, data_key: str) -> None:
        """Delete a value."""
        started_ms = now_ms()
        answer = await self._send("DELETE", f"/projects/{self.project}/data/{data_key}", None)
        self._notebook.published_ms[data_key, answer["revision"]] = started_ms

    async def _send(self, method: str, path: str, body: object) -> dict[str, Any]:
        async with self._session.request(method, self.api + path, json=body) as answer:
            payload = await answer.json(content_type=None)
            if not answer.ok:
                raise click.ClickException(f"{method} {path} answered {answer.status}: {payload}")
            return dict(payload)


async def play(stack: Stack, notebook: Notebook, console: Console) -> None:
    """Play the scenario against a running stack."""
    async with AsyncExitStack() as cast:
        session = await cast.enter_async_context(aiohttp.ClientSession())
        receiver = await cast.enter_async_context(WebhookReceiver(notebook.note))
        readers = await cast.enter_async_context(asyncio.TaskGroup())
        cast.callback(lambda: [task.cancel() for task in listening])
        listening: list[asyncio.Task[None]] = []
        shop = Shop(session, stack.gateway_url, notebook)

        async def join(agent: Agent) -> None:
            if agent.channel == "webhook":
                secret = generate_secret()
                receiver.trust(agent.name, secret)
                url = f"{receiver.url}/{agent.name}"
                await shop.register(agent, webhook_url=url, webhook_secret=secret)
                return
            if agent.channel == "kafka":
                key = agent_key("default", shop.project, agent.name)
                cast.enter_context(KafkaFeed(stack.bootstrap, key, notebook.note))
            cursor = await shop.register(agent)
            if agent.channel == "sse":
                url = f"{shop.api}/agents/{agent.name}/updates?project_id={shop.project}"
                listening.append(readers.create_task(listen(session, url, cursor, notebook.note)))

        await _acts(shop, join, console, notebook)
        with console.status("Waiting for everything to arrive ..."):
            await notebook.complete(EXPECTED)


async def _acts(shop: Shop, join: Join, console: Console, notebook: Notebook) -> None:
    console.print(f"\nThe project is {shop.project}.")
    console.print(f"[bold]1[/] {len(scenario.EARLY_AGENTS)} agents say what they need.")
    for agent in scenario.EARLY_AGENTS:
        await join(agent)
    await notebook.welcome({agent.name for agent in scenario.EARLY_AGENTS})
    values = scenario.first_values()
    console.print(f"[bold]2[/] {len(values)} values are published.")
    for value in values:
        await shop.publish(value)
    first = frozenset(telling for telling in EXPECTED if telling[1] == "matched")
    late = (scenario.LATE_VALUE.data_key,)
    await notebook.complete(frozenset(one for one in first if one[2] not in late))
    console.print("[bold]3[/] Two values change, so that one matches no longer; one is deleted.")
    await shop.publish(scenario.MORE_REPLICAS)
    await shop.publish(scenario.OTHER_NOTICE)
    await shop.delete(scenario.DELETED_KEY)
    console.print("[bold]4[/] An agent comes late, and a value comes late.")
    await join(scenario.LATE_AGENT)
    await shop.publish(scenario.LATE_VALUE)


def _cut(text: str, style: str = "") -> Text:
    """Return text that is cut where its column ends. The column itself may then give way."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def table(told: list[Told]) -> Table:
    """Return who was told what as a table, in the order of arrival."""
    rows = [
        (
            one.agent,
            one.channel,
            one.kind,
            one.data_key,
            f"{one.score:.2f}" if one.need else "",
            "" if one.latency_ms is None else f"{one.latency_ms:.0f} ms",
        )
        for one in told
    ]
    drawn = Table(
        title="Who was told what", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for number, name in enumerate(COLUMNS):
        # Only the last column may give way on a narrow terminal.
        width = max(len(text) for text in (name, *(row[number] for row in rows)))
        justify: Literal["left", "right"] = "right" if name in FIGURES else "left"
        drawn.add_column(name, justify=justify, no_wrap=True, min_width=width)
    drawn.add_column(_cut("because it needs"))
    for row, one in zip(rows, told, strict=True):
        drawn.add_row(*row, _cut(one.need) if one.need else _cut("(it knew this)", "dim"))
    return drawn


def verdict(notebook: Notebook, console: Console) -> bool:
    """Print the table and whether it is the expected one."""
    console.print()
    console.print(table(notebook.told))
    missing = sorted(EXPECTED - notebook.tellings())
    surprising = sorted(notebook.tellings() - EXPECTED)
    for telling in missing:
        console.print(f"[red]missing:[/] {telling[0]} was not told {telling[1]} {telling[2]}")
    for telling in surprising:
        console.print(f"[red]unexpected:[/] {telling[0]} was told {telling[1]} {telling[2]}")
    if missing or surprising:
        return False
    latencies = sorted(one.latency_ms for one in notebook.told if one.latency_ms is not None)
    middle_ms = latencies[len(latencies) // 2]
    console.print(
        f"[green]All {len(EXPECTED)} expected updates arrived, and no other.[/] From the call to"
        f" the agent: median {middle_ms:.0f} ms, slowest {latencies[-1]:.0f} ms."
    )
    return True


def run(stack: Stack, view: View, console: Console, *, leave: bool) -> bool:
    """Start, play, print, and keep serving unless told to leave; return whether all was right."""
    with view:
        view.say("Contex is starting: Apache Kafka, index, workers, gateway.")
        bring_model(view)
        stack.start()
    notebook = Notebook()
    asyncio.run(play(stack, notebook, console))
    right = verdict(notebook, console)
    if not leave:
        words = f"\nContex keeps serving; Ctrl-C stops it.\n{guide(stack)}"
        console.print(words, highlight=False, soft_wrap=True)
        stack.follow()
    return right


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End after the example.")
@click.option("--port", default=8000, show_default=True, help="Port of the REST API; 0: any free.")
@click.option("--kafka-port", default=9092, show_default=True, help="Port of Kafka; 0: any free.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".contex"),
    show_default=True,
    help="Folder that keeps everything between runs.",
)
def main(*, leave: bool, port: int, kafka_port: int, data: Path) -> None:
    """Start Contex on this machine and play an example."""
    console = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    view = View(console)
    stack = Stack(StackOptions(data, port, kafka_port), view.report)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        right = run(stack, view, console, leave=leave)
    except KeyboardInterrupt:
        right = True
    except StackError as error:
        view.problem(str(error), error.advice)
        right = False
    except ContexError as error:
        view.problem(str(error), "")
        right = False
    finally:
        stack.stop()
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
