"""Ask what is known: queries, lists and the newest version of a value."""

import base64
import binascii
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

from contex.errors import DependencyAway, InvalidValue
from contex.query.listing import current_value, list_values
from contex.query.queries import query_many
from contex.query.types import Answer, Listed, ListedPage, Query
from contex.records.names import ValueKey
from contex.telemetry import metrics
from gateway.limits import LIST_PAGE_VALUES
from gateway.operations.values import Revision, read_revision
from gateway.problems import Refusal, not_found, unavailable
from gateway.services import Call, Services

_AWAY = "the index does not answer queries now: try again; nothing was changed"
CURRENT_READS_MAX = 2
"""A version that the log let go of meanwhile has a newer one in its place."""


async def ask(
    services: Services, call: Call, project_id: str, questions: list[Query]
) -> list[Answer]:
    """Return the answers, in order.

    Raises:
        CallerError: naming the field.
        Refusal: 503 while the index or the embedder is away.
    """
    scope = call.scope(project_id)
    mode = questions[0].mode.value
    with _index_errors(), metrics.QUERY_SECONDS.labels(mode).time():
        ports = await services.knowledge.ports()
        return await query_many(ports, scope, questions)


async def page(
    services: Services, call: Call, project_id: str, *, limit: int, cursor: str | None, prefix: str
) -> ListedPage:
    """Return some of a project's live values, and the cursor of the next ones.

    Raises:
        CallerError: naming the field.
        Refusal: 503 while the index is away.
    """
    scope = call.scope(project_id)
    after = None if cursor is None else _read_cursor(cursor)
    with _index_errors():
        ports = await services.knowledge.ports()
        found = await list_values(ports.index, scope, limit=limit, after=after, prefix=prefix)
    return ListedPage(found.values, None if found.after is None else _write_cursor(found.after))


async def pages(
    services: Services, call: Call, project_id: str, *, cursor: str | None, prefix: str
) -> AsyncIterator[tuple[Listed, ...]]:
    """Yield all of a project's live values, some at a time. Raises as `page` does."""
    while True:
        found = await page(
            services, call, project_id, limit=LIST_PAGE_VALUES, cursor=cursor, prefix=prefix
        )
        yield found.values
        cursor = found.after
        if cursor is None:
            return


async def read_current(services: Services, call: Call, project_id: str, data_key: str) -> Revision:
    """Return the newest version of a value that was routed.

    Raises:
        CallerError: naming the field.
        Refusal: 404 when there is no such value, 503 while the index is away.
        DependencyAway: if the log does not answer.
    """
    key = ValueKey(call.scope(project_id), data_key)
    for _ in range(CURRENT_READS_MAX):
        with _index_errors():
            head = await current_value((await services.knowledge.ports()).index, key)
        if head is None:
            break
        try:
            found = await read_revision(services, call, project_id, data_key, head.readable)
        except Refusal:
            continue
        return Revision(key, head.revision, found.value)
    raise Refusal(not_found(f"{data_key!r} has no version that was routed"))


@contextmanager
def _index_errors() -> Iterator[None]:
    try:
        yield
    except DependencyAway as error:
        raise Refusal(unavailable(_AWAY)) from error


def _write_cursor(after: str) -> str:
    return base64.urlsafe_b64encode(UUID(after).bytes).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return str(UUID(bytes=base64.b64decode(padded, altchars=b"-_", validate=True)))
    except (ValueError, binascii.Error) as error:
        raise InvalidValue("cursor is not one that a page gave", field="cursor") from error
