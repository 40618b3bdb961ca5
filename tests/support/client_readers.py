"""Readers of one agent's feed, each in a thread: what they were told, and what they made of it.

Every reader keeps a state of its own by what it is told alone, as a program would that never looks
at `holdings`; it fails when it is told anything twice or backwards.
"""

import asyncio
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from contex.client import AsyncContex, Contex, Update
from contex.kafka import Consumer

ENDS = frozenset({"retracted", "deleted"})


class Told(NamedTuple):
    """An update as it was told: `items` are the keys and revisions that were news."""

    epoch: int
    update_id: str
    kind: str
    items: tuple[tuple[str, int], ...]


class Reader(ABC):
    """Reads until it is stopped."""

    def __init__(self, url: str, project: str, agent: str, cursor: str | None) -> None:
        self.url = url
        self.project = project
        self.agent = agent
        self.cursor = cursor
        self.told: list[Told] = []
        self.state: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._revisions: dict[str, int] = {}
        self._epoch = -1
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(30)
        assert not self._thread.is_alive(), "expected the reader to end when it is closed"
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self.read()
        except BaseException as error:  # noqa: BLE001 - raised where the reader is left
            self.error = error

    def note(self, told: Told, data: Mapping[str, Any]) -> None:
        """Apply one update as a program does that trusts what it is told."""
        if told.epoch > self._epoch:
            self._epoch, self.state, self._revisions = told.epoch, {}, {}
        for key, revision in told.items:
            known = self._revisions.get(key, -1)
            assert revision > known, f"{key} at {revision} after {known}: {told}"
            self._revisions[key] = revision
            if told.kind in ENDS:
                self.state.pop(key, None)
            else:
                self.state[key] = data[key]
        self.told.append(told)

    def note_update(self, update: Update) -> None:
        """Apply an update of the client's."""
        told = tuple((item.data_key, item.revision) for item in update.items)
        data = {} if update.kind in ENDS else {item.data_key: item.data for item in update.items}
        self.note(Told(update.epoch, update.update_id, update.kind, told), data)

    @abstractmethod
    def read(self) -> None:
        """Read until `stop`."""

    @abstractmethod
    def stop(self) -> None:
        """End `read`."""

    @abstractmethod
    def holdings(self) -> dict[str, Any]:
        """Return what the reader's own library says is held."""


class BlockingReader(Reader):
    """`Contex.updates`."""

    def __init__(self, url: str, project: str, agent: str, cursor: str | None) -> None:
        super().__init__(url, project, agent, cursor)
        self._client = Contex(url, project=project)
        self._updates = self._client.updates(agent, cursor=cursor)

    def read(self) -> None:
        for update in self._updates:
            self.note_update(update)

    def stop(self) -> None:
        self._updates.close()

    def holdings(self) -> dict[str, Any]:
        return {key: item.data for key, item in self._updates.holdings.items()}


class AwaitingReader(Reader):
    """`AsyncContex.updates`, on a loop of its own."""

    def read(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncContex(self.url, project=self.project) as client:
            self._updates = client.updates(self.agent, cursor=self.cursor)
            async for update in self._updates:
                for item in update.items:
                    if update.kind not in ENDS:
                        await client.fetch(item)
                self.note_update(update)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._updates.close(), self._loop).result(30)

    def holdings(self) -> dict[str, Any]:
        return {key: item.data for key, item in self._updates.holdings.items()}


class KafkaReader(Reader):
    """`contex.kafka.Consumer`; its `url` is the brokers' address."""

    def read(self) -> None:
        self._consumer = Consumer(
            self.agent, project=self.project, bootstrap=self.url, cursor=self.cursor
        )
        for update in self._consumer:
            told = tuple((item.data_key, item.revision) for item in update.items)
            data = {item.data_key: json.loads(item.content or b"null") for item in update.items}
            self.note(Told(update.epoch, str(update.update_id), update.kind.value, told), data)

    def stop(self) -> None:
        self._consumer.close()

    def holdings(self) -> dict[str, Any]:
        return {
            key: json.loads(item.content or b"null")
            for key, item in self._consumer.holdings().items()
        }
