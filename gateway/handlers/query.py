"""Queries, and lists of values: in pages of JSON, or all of them line by line."""

import asyncio
import time
from collections.abc import AsyncIterator

from aiohttp import web

from contex.query.types import Answer, Listed
from contex.telemetry.line import note
from contex.telemetry.logs import get_logger
from gateway.asking.answers import (
    QueriesAnswer,
    QueryAnswer,
    ValuesPage,
    listed_value,
    query_answer,
)
from gateway.asking.models import QueryRequest
from gateway.handlers.answers import HOUSE, json_answer, rendered
from gateway.limits import STREAM_WRITE_TIMEOUT_S
from gateway.models import NoQuery, ValuesQuery
from gateway.openapi.operation import JSON, NDJSON
from gateway.operations import query as asking
from gateway.problems import FieldError, Refusal, invalid
from gateway.requests import REQUEST_ID, body_of, call_of, cut, query_of
from gateway.weights import weights

_log = get_logger(__name__)


async def query(request: web.Request) -> web.Response:
    """Answer one question, or several at once."""
    started = time.perf_counter()
    query_of(request, NoQuery)
    wanted = await body_of(request, QueryRequest)
    questions = list(wanted.questions())
    project_id = request.match_info["project_id"]
    note(project=project_id)
    answers = await asking.ask(request.app[HOUSE].services, call_of(request), project_id, questions)
    took_ms = round((time.perf_counter() - started) * 1000, 3)

    def shown(text: str, answer: Answer) -> QueryAnswer:
        return query_answer(text, answer, took_ms, with_data=wanted.include_data)

    if wanted.query is not None:
        return json_answer(shown(questions[0].text, answers[0]))
    results = [shown(asked.text, answer) for asked, answer in zip(questions, answers, strict=True)]
    return json_answer(QueriesAnswer(results=results, took_ms=took_ms))


async def values(request: web.Request) -> web.StreamResponse:
    """Answer with some of a project's values, or all of them as NDJSON when that is accepted."""
    wanted = query_of(request, ValuesQuery)
    services, call = request.app[HOUSE].services, call_of(request)
    project_id = request.match_info["project_id"]
    note(project=project_id)
    if _accepts_lines(request):
        if "limit" in wanted.model_fields_set:
            raise Refusal(invalid(FieldError("limit", "is only for pages of JSON")))
        pages = asking.pages(services, call, project_id, cursor=wanted.cursor, prefix=wanted.prefix)
        return await _lines(request, pages)
    found = await asking.page(
        services,
        call,
        project_id,
        limit=wanted.limit,
        cursor=wanted.cursor,
        prefix=wanted.prefix,
    )
    shown = [listed_value(one) for one in found.values]
    return json_answer(ValuesPage(values=shown, count=len(shown), next_cursor=found.after))


def _accepts_lines(request: web.Request) -> bool:
    """Return whether lines are rather read than a page; who reads both alike gets a page."""
    wanted = weights(request.headers.getall("Accept", []))
    return wanted.get(NDJSON, 0) > wanted.get(JSON, 0)


async def _lines(
    request: web.Request, pages: AsyncIterator[tuple[Listed, ...]]
) -> web.StreamResponse:
    """Stream values; an answer that cannot be finished is cut: nobody takes it for whole."""
    first = await anext(pages)  # what is wrong from the beginning is still answered as a problem
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        await _write(response, first)
        async for page in pages:
            await _write(response, page)
        await response.write_eof()
    except (Refusal, TimeoutError) as error:
        _log.warning("http.list_cut", error=str(error), request_id=request[REQUEST_ID])
        cut(request)
    return response


async def _write(response: web.StreamResponse, page: tuple[Listed, ...]) -> None:
    lines = b"".join(rendered(listed_value(one)) + b"\n" for one in page)
    if lines:
        async with asyncio.timeout(STREAM_WRITE_TIMEOUT_S):
            await response.write(lines)
