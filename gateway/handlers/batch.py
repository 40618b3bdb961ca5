"""Batches: many values or agents in one request, each answered for itself."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any

from aiohttp import web

from gateway.answers import (
    BatchPublished,
    BatchRegistered,
    FailedAgent,
    FailedValue,
    FieldMessage,
    ItemError,
    PublishedItem,
    RegisteredItem,
)
from gateway.codes import Code
from gateway.handlers.agents import method_of, registered_members
from gateway.handlers.answers import HOUSE, rendered
from gateway.handlers.writing import write
from gateway.limits import BATCH_BYTES_MAX
from gateway.models import NoQuery
from gateway.operations import batch
from gateway.operations.batch import Failed
from gateway.operations.publish import Accepted
from gateway.problems import Problem, Refusal, unavailable
from gateway.requests import bytes_of, query_of, read_items
from gateway.services import Call
from gateway.writes.memory import Written

Work = Callable[[Call, Sequence[object]], Awaitable[Written]]


async def publish(request: web.Request) -> web.Response:
    """Answer 200 once every item is either in the log or known to have failed."""
    services = request.app[HOUSE].services

    async def work(call: Call, items: Sequence[object]) -> Written:
        started = perf_counter()
        outcomes = await batch.publish_each(services, call, items)
        results = [
            FailedValue(**_failed(item, "data_key", outcome.problem))
            if isinstance(outcome, Failed)
            else _published(outcome)
            for item, outcome in zip(items, outcomes, strict=True)
        ]
        answer = BatchPublished(**_counted(outcomes, started), results=results)
        return Written(rendered(answer), status=200, final=_is_final(outcomes))

    return await _in_turn(request, work)


async def register(request: web.Request) -> web.Response:
    """Answer 200 once every item is either in the log or known to have failed."""
    services = request.app[HOUSE].services

    async def work(call: Call, items: Sequence[object]) -> Written:
        started = perf_counter()
        outcomes = await batch.register_each(services, call, items)
        results = [
            FailedAgent(**_failed(item, "agent_id", outcome.problem))
            if isinstance(outcome, Failed)
            else RegisteredItem(
                status="success",
                **registered_members(outcome, method_of(outcome.registration)),
            )
            for item, outcome in zip(items, outcomes, strict=True)
        ]
        answer = BatchRegistered(**_counted(outcomes, started), results=results)
        return Written(rendered(answer), status=200, final=_is_final(outcomes))

    return await _in_turn(request, work)


async def _in_turn(request: web.Request, work: Work) -> web.Response:
    """Do `work` unless as many batches as the house can hold are there already."""
    query_of(request, NoQuery)
    batches = request.app[HOUSE].batches
    if batches.locked():
        raise Refusal(unavailable("this gateway has as many batches as it can serve"))
    async with batches:
        body = await bytes_of(request, BATCH_BYTES_MAX)

        async def done(call: Call) -> Written:
            return await work(call, read_items(body))

        return await write(request, body, done)


def _published(accepted: Accepted) -> PublishedItem:
    return PublishedItem(
        status="success",
        project_id=accepted.key.scope.project,
        data_key=accepted.key.data_key,
        sequence=str(accepted.revision),
        revision=accepted.revision,
        event_id=accepted.event_id,
    )


def _failed(item: object, name: str, problem: Problem) -> dict[str, Any]:
    """Return the members of an item that failed; its names are echoed if they are texts."""
    said: Mapping[Any, Any] = item if isinstance(item, dict) else {}
    errors = [FieldMessage(field=one.field, message=one.message) for one in problem.errors]
    return {
        "status": "failed",
        **{key: _text(said.get(key)) for key in ("project_id", name)},
        "error": ItemError(code=Code(problem.code), detail=problem.detail, errors=errors),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _counted(outcomes: Sequence[object], started: float) -> dict[str, Any]:
    failed = sum(isinstance(one, Failed) for one in outcomes)
    return {
        "status": "completed",
        "total": len(outcomes),
        "successful": len(outcomes) - failed,
        "failed": failed,
        "duration_ms": round((perf_counter() - started) * 1000, 3),
    }


def _is_final(outcomes: Sequence[object]) -> bool:
    """Return whether a repeat would change nothing: no item failed for want of the log."""
    return not any(
        isinstance(one, Failed) and one.problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        for one in outcomes
    )
