"""`Contex`: the client for code that waits.

Decides nothing: the core says what to send, when to wait and what answers mean.
"""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self, TypeVar, Unpack

import httpx

from contex.client import exchanging, operations
from contex.client.asking import any_project_of, project_of
from contex.client.blocking_updates import Updates
from contex.client.configuration import configure
from contex.client.data import JSON, Told
from contex.client.retrying import RETRIES_MAX, TIMEOUT_S, Exchange, Limits, Outcome, Wait, exchange
from contex.client.types import (
    Agent,
    Failure,
    Need,
    Publish,
    Published,
    QueryAnswer,
    QueryOptions,
    Registered,
    Value,
    ValueInfo,
)
from contex.client.wire import Operation, Page, Request

T = TypeVar("T")


class Contex:
    """A gateway, as seen by a producer or an agent. Safe to share between threads and after a fork.

    Every call raises `ContexClientError`, whose leaves are in `contex.client.errors`. A call that
    changes something carries an idempotency key, so that repeating it does no harm.

    Args:
        url: of the gateway; else CONTEX_URL, else http://127.0.0.1:8000.
        api_key: else CONTEX_API_KEY.
        project: of calls that name none; else CONTEX_PROJECT.
        timeout_s: what one call may take in all, repeats included.
        retries_max: how often one call is repeated.
        transport: carries the requests instead of the network.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        project: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries_max: int = RETRIES_MAX,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._configuration = configure(url, api_key, project, os.environ)
        self._limits = Limits(timeout_s, retries_max)
        self._transport = transport
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every stream of updates, and disconnect."""
        client = self._connected()
        for stream in tuple(self._streams):
            stream.close()
        client.close()

    @property
    def url(self) -> str:
        """The gateway's URL."""
        return self._configuration.url

    @property
    def project(self) -> str | None:
        """The project of calls that name none."""
        return self._configuration.project

    def publish(
        self,
        data_key: str,
        data: JSON | bytes,
        *,
        project: str | None = None,
        data_format: str | None = None,
        event_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        wait_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Published:
        """Publish a new version of a value, whole.

        Args:
            data_key: names the value inside the project.
            data: any JSON, text, or text in bytes.
            project: instead of the client's.
            data_format: what a text is: `yaml`, `toml`, `csv`...; left out, it is detected.
            event_type: your own word for what happened.
            metadata: labels for agents.
            wait_s: wait up to this long for the outcome: who was told.
            idempotency_key: names this publish, so that a repeat is recognised; else a new one.
        """
        item = Publish(data_key, data, project, data_format, event_type, metadata)
        key = _key(idempotency_key)
        return self._run(operations.publish(item, self._project(project), wait_s=wait_s, key=key))

    def publish_many(self, items: Iterable[Publish]) -> list[Published | Failure]:
        """Publish many values, many to a request; answer for each, in their order.

        One that cannot be sent at all is a `Failure` too: it hurts no other. A request that fails
        as a whole ends it: what had been answered by then is the error's `answered`.
        """
        found: list[Published | Failure] = []
        with operations.answered_so_far(found):
            for batch in operations.batches(items, self.project, _key):
                found += [batch] if isinstance(batch, Failure) else self._run(batch)
        return found

    def delete(
        self,
        data_key: str,
        *,
        project: str | None = None,
        wait_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Published:
        """Delete a value, whether or not there is one; its agents are told."""
        key = _key(idempotency_key)
        return self._run(
            operations.delete(data_key, self._project(project), wait_s=wait_s, key=key)
        )

    def value(
        self, data_key: str, *, project: str | None = None, revision: int | None = None
    ) -> Value:
        """Return a value, byte for byte: its newest version that was routed, or that revision."""
        return self._run(operations.value(data_key, self._project(project), revision=revision))

    def values(
        self, *, project: str | None = None, prefix: str | None = None
    ) -> Iterator[ValueInfo]:
        """List the values of a project, without their data."""
        chosen = self._project(project)
        return self._pages(lambda cursor: operations.values(chosen, prefix=prefix, cursor=cursor))

    def fetch(self, told: Told) -> JSON | bytes:
        """Return the data of an item or a match, fetched if it came by reference."""
        if told.body.known:
            return told.body.data
        found = self.value(told.data_key, project=told.project_id, revision=told.revision)
        return told.keep(found.content)

    def register(
        self,
        agent_id: str,
        needs: Sequence[str | Need],
        *,
        project: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        token_budget: int | None = None,
        wait_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Registered:
        """Register an agent, in place of any earlier registration.

        Args:
            agent_id: names the agent inside the project.
            needs: what it needs, in plain language.
            project: instead of the client's.
            webhook_url: POST updates there; left out, the agent reads them with `updates`.
            webhook_secret: to sign with; else the gateway makes one and shows it this once.
            token_budget: how much the first update may hold.
            wait_s: wait up to this long for the first update.
            idempotency_key: names this registration, so that a repeat is recognised.
        """
        delivery = {
            "webhook_url": webhook_url,
            "webhook_secret": webhook_secret,
            "token_budget": token_budget,
        }
        chosen, key = self._project(project), _key(idempotency_key)
        registered = self._run(
            operations.register(agent_id, chosen, needs, delivery, wait_s=wait_s, key=key)
        )
        if registered.initial is not None:
            self._lend(registered.initial.items)
        return registered

    def change(
        self,
        agent_id: str,
        *,
        project: str | None = None,
        needs: Sequence[str | Need] | None = None,
        token_budget: int | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        notification_method: str | None = None,
    ) -> Registered:
        """Register an agent anew with some of it changed and the rest kept.

        Args:
            agent_id: the agent that is changed.
            project: instead of the client's.
            needs: all that it needs from now on.
            token_budget: how much the first update may hold.
            webhook_url: of an agent that has a webhook, or is given one.
            webhook_secret: as above; of a new webhook, the gateway makes one and shows it once.
            notification_method: `webhook`, `sse` or `kafka`, when that changes.
        """
        delivery = {
            "token_budget": token_budget,
            "webhook_url": webhook_url,
            "webhook_secret": webhook_secret,
            "notification_method": notification_method,
        }
        chosen = self._any_project(project)
        return self._run(operations.change(agent_id, chosen, needs, delivery, key=_key()))

    def unregister(self, agent_id: str, *, project: str | None = None) -> None:
        """Unregister an agent. It may be gone already when no answer came and it was repeated."""
        self._run(operations.unregister(agent_id, self._any_project(project), key=_key()))

    def agent(self, agent_id: str, *, project: str | None = None) -> Agent:
        """Return an agent as it is registered."""
        return self._run(operations.agent(agent_id, self._any_project(project)))

    def agents(self, *, project: str | None = None) -> Iterator[Agent]:
        """List the agents of a project, or of all projects where none is named anywhere."""
        chosen = self._any_project(project)
        return self._pages(lambda cursor: operations.agents(chosen, cursor=cursor))

    def query(
        self, query: str | Need, *, project: str | None = None, **options: Unpack[QueryOptions]
    ) -> QueryAnswer:
        """Search a project's values, once; the options are described in `QueryOptions`."""
        answer = self._run(operations.query(query, self._project(project), options))
        self._lend(answer.matches)
        return answer

    def query_many(
        self,
        queries: Sequence[str | Need],
        *,
        project: str | None = None,
        **options: Unpack[QueryOptions],
    ) -> list[QueryAnswer]:
        """Search with several queries and the same options."""
        found: list[QueryAnswer] = []
        for together in operations.queries(queries, self._project(project), options):
            found += self._run(together)
        for answer in found:
            self._lend(answer.matches)
        return found

    def updates(
        self, agent_id: str, *, project: str | None = None, cursor: str | None = None
    ) -> Updates:
        """Listen to an agent's updates, from `cursor` on: a registration's, or a saved one.

        Without a cursor it begins with the newest registration.
        """
        return Updates(
            self._connected(),
            (agent_id, self._any_project(project), cursor),
            self._limits,
            lend=self._lend,
            streams=self._streams,
        )

    def _begin(self) -> None:
        self._client = httpx.Client(
            **exchanging.settings(self._configuration), transport=self._transport
        )
        self._streams: set[Updates] = set()
        self._process = os.getpid()

    def _connected(self) -> httpx.Client:
        """Return this process's connections: on its parent's, a fork would read others' answers."""
        if self._process != os.getpid():
            self._begin()
        return self._client

    def _project(self, given: str | None) -> str:
        return project_of(given, self.project)

    def _any_project(self, given: str | None) -> str | None:
        return any_project_of(given, self.project)

    def _lend(self, told: Iterable[Told]) -> None:
        for one in told:
            one.body.fetch = self.fetch

    def _pages(self, page: Callable[[str | None], Operation[Page[T]]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            found = self._run(page(cursor))
            yield from found.found
            cursor = found.next_cursor
            if cursor is None:
                return

    def _run(self, operation: Operation[T]) -> T:
        steps: Exchange[T] = exchange(operation, self._limits, time.monotonic, random.random)
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Wait):
                    time.sleep(step.wait_s)
                    outcome = None
                else:
                    outcome = self._send(step.request, step.timeout_s)
        except StopIteration as end:
            result: T = end.value
            return result

    def _send(self, request: Request, timeout_s: float) -> Outcome:
        deadline_s = time.monotonic() + timeout_s
        sent = exchanging.sent(request)
        try:
            with self._connected().stream(
                **sent, timeout=exchanging.timeouts(timeout_s)
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    exchanging.check_size(len(body))
                    if time.monotonic() > deadline_s:
                        raise httpx.ReadTimeout("the answer took too long")
                return exchanging.answer(response, bytes(body))
        except httpx.RequestError as error:
            return exchanging.no_answer(error, self.url)


def _key(given: str | None = None) -> str:
    return str(uuid.uuid4()) if given is None else given
