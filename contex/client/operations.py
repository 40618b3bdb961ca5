"""Every call as a request to send and a way to read its answer. Pure: sends nothing.

Decides paths, bodies and pages. Keys of idempotency are passed in.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from contex.client import reading
from contex.client.asking import (
    dump,
    encode,
    exclusions_member,
    filters_member,
    key_headers,
    key_of,
    name_of,
    need_member,
    needs_member,
    parameter,
    project_of,
    publish_members,
    segment,
    wait_headers,
    wrong,
)
from contex.client.errors import ContexClientError, InvalidRequest, UnexpectedAnswer
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
from contex.client.wire import API, Answer, Operation, Page, Request

PAGE_AGENTS = 100
PAGE_VALUES = 500
BATCH_ITEMS_MAX = 500
BATCH_BYTES_MAX = 8 * 1024 * 1024
QUERIES_MAX = 20
_JSON = {"Content-Type": "application/json"}
_REPLAYED = "idempotency-replayed"
_ETAG = re.compile(r'(?:W/)?"(\d{1,19})"')


def publish(item: Publish, project: str, *, wait_s: float | None, key: str) -> Operation[Published]:
    """Write a new version of a value."""
    return Operation(
        Request(
            "POST",
            f"{API}/data/publish",
            headers={**_JSON, **key_headers(key), **wait_headers(wait_s)},
            body=dump(publish_members(item, project)),
            wait_s=wait_s or 0.0,
        ),
        _published,
    )


def batches(
    items: Iterable[Publish], project: str | None, new_key: Callable[[], str]
) -> Iterator[Operation[Sequence[Published | Failure]] | Failure]:
    """Write many values: as few requests as the gateway's bounds permit, in order.

    What cannot be sent is a `Failure` in its place.
    """
    waiting: list[bytes | Failure] = []
    size_bytes = 0
    for item in items:
        encoded = _encoded(item, project)
        growth_bytes = 0 if isinstance(encoded, Failure) else len(encoded) + 1
        if len(waiting) == BATCH_ITEMS_MAX or size_bytes + growth_bytes + 1 > BATCH_BYTES_MAX:
            yield _batch(waiting, new_key())
            waiting, size_bytes = [], 0
        if isinstance(encoded, Failure) and not waiting:
            yield encoded
        else:
            waiting.append(encoded)
            size_bytes += growth_bytes
    if waiting:
        yield _batch(waiting, new_key())


@contextmanager
def answered_so_far(found: Sequence[Published | Failure]) -> Iterator[None]:
    """Let an error that ends a series of requests carry the answers to those before it."""
    try:
        yield
    except ContexClientError as error:
        error.answered = tuple(found)
        raise


def _encoded(item: object, project: str | None) -> bytes | Failure:
    if not isinstance(item, Publish):
        raise wrong("items", f"must each be a Publish, got {type(item).__name__}")
    try:
        encoded = dump(publish_members(item, project_of(item.project, project)))
        if len(encoded) + 2 > BATCH_BYTES_MAX:
            raise wrong("data", f"must fit a request of {BATCH_BYTES_MAX} bytes")
    except InvalidRequest as error:
        named = item.project or project or ""
        return Failure(named, item.data_key, error.code, error.detail, error.fields)
    return encoded


def _batch(
    waiting: Sequence[bytes | Failure], key: str
) -> Operation[Sequence[Published | Failure]]:
    items = [one for one in waiting if not isinstance(one, Failure)]
    request = Request(
        "POST",
        f"{API}/batch/publish",
        headers={**_JSON, **key_headers(key)},
        body=b"[%b]" % b",".join(items),
    )

    def read(answer: Answer) -> Sequence[Published | Failure]:
        results = reading.batched(reading.parse(answer.body, "a batch"))
        if len(results) != len(items):
            raise UnexpectedAnswer(f"{len(items)} values were sent, {len(results)} answered")
        answered = iter(results)
        return [one if isinstance(one, Failure) else next(answered) for one in waiting]

    return Operation(request, read)


def delete(data_key: str, project: str, *, wait_s: float | None, key: str) -> Operation[Published]:
    """Write the end of a value."""
    return Operation(
        Request(
            "DELETE",
            _value_path(project, data_key),
            headers={**key_headers(key), **wait_headers(wait_s)},
            wait_s=wait_s or 0.0,
        ),
        _published,
    )


def value(data_key: str, project: str, *, revision: int | None) -> Operation[Value]:
    """Read a value."""

    def read(answer: Answer) -> Value:
        etag = _ETAG.fullmatch(answer.headers.get("etag", ""))
        if etag is None:
            raise UnexpectedAnswer("the value came without its revision")
        return Value(
            project, data_key, int(etag[1]), answer.body, answer.headers.get("content-type")
        )

    request = Request(
        "GET", _value_path(project, data_key), params={"revision": revision}, reads=True
    )
    return Operation(request, read)


def values(project: str, *, prefix: str | None, cursor: str | None) -> Operation[Page[ValueInfo]]:
    """List some of a project's values."""

    def read(answer: Answer) -> Page[ValueInfo]:
        members = reading.parse(answer.body, "a listing")
        found = members.each("values", lambda one: reading.value_info(one, project))
        return Page(found, members.text_or_none("next_cursor"))

    params = {"limit": PAGE_VALUES, "cursor": cursor, "prefix": parameter(prefix, "prefix")}
    path = f"{API}/projects/{segment(project)}/data"
    return Operation(Request("GET", path, params=params, reads=True), read)


def register(
    agent_id: str,
    project: str,
    needs: Sequence[str | Need],
    delivery: Mapping[str, Any],
    *,
    wait_s: float | None,
    key: str,
) -> Operation[Registered]:
    """Register an agent; `delivery` is what else the gateway takes."""
    members = {
        "agent_id": name_of(agent_id, "agent_id"),
        "project_id": project,
        "data_needs": needs_member(needs, "needs"),
        **delivery,
    }
    if members.get("webhook_url") is not None:
        members.setdefault("notification_method", "webhook")
    return Operation(
        Request(
            "POST",
            f"{API}/agents/register",
            headers={**_JSON, **key_headers(key), **wait_headers(wait_s)},
            body=encode(members),
            wait_s=wait_s or 0.0,
        ),
        _registered,
    )


def change(
    agent_id: str,
    project: str | None,
    needs: Sequence[str | Need] | None,
    delivery: Mapping[str, Any],
    *,
    key: str,
) -> Operation[Registered]:
    """Register an agent anew, changing what is given and keeping the rest."""
    members = {"data_needs": None if needs is None else needs_member(needs, "needs"), **delivery}
    body = encode(members)
    if body == b"{}":
        raise wrong("needs", "nothing is given to change")
    return Operation(
        Request(
            "PATCH",
            _agent_path(agent_id),
            params={"project_id": project},
            headers={**_JSON, **key_headers(key)},
            body=body,
        ),
        _registered,
    )


def unregister(agent_id: str, project: str | None, *, key: str) -> Operation[None]:
    """Write that an agent left."""
    request = Request(
        "DELETE",
        _agent_path(agent_id),
        params={"project_id": project},
        headers=key_headers(key),
        ends=True,
    )
    return Operation(request, lambda _: None)


def agent(agent_id: str, project: str | None) -> Operation[Agent]:
    """Read an agent."""
    request = Request("GET", _agent_path(agent_id), params={"project_id": project}, reads=True)
    return Operation(request, lambda answer: reading.agent(reading.parse(answer.body, "an agent")))


def agents(project: str | None, *, cursor: str | None) -> Operation[Page[Agent]]:
    """List some agents."""

    def read(answer: Answer) -> Page[Agent]:
        members = reading.parse(answer.body, "a listing")
        return Page(members.each("agents", reading.agent), members.text_or_none("next_cursor"))

    params = {"project_id": project, "limit": PAGE_AGENTS, "cursor": cursor}
    return Operation(Request("GET", f"{API}/agents", params=params, reads=True), read)


def query(query: str | Need, project: str, options: QueryOptions) -> Operation[QueryAnswer]:
    """Ask once."""
    return Operation(
        _query_request(project, {"query": need_member(query, "query"), **_query_options(options)}),
        lambda answer: reading.query_answer(reading.parse(answer.body, "a query"), project),
    )


def queries(
    asked: Sequence[str | Need], project: str, options: QueryOptions
) -> Iterator[Operation[Sequence[QueryAnswer]]]:
    """Ask many times, as many as the gateway permits in one request."""

    def read(answer: Answer) -> Sequence[QueryAnswer]:
        members = reading.parse(answer.body, "queries")
        return members.each("results", lambda one: reading.query_answer(one, project))

    members = needs_member(asked, "queries")
    for start in range(0, len(members), QUERIES_MAX):
        together = members[start : start + QUERIES_MAX]
        request = _query_request(project, {"queries": together, **_query_options(options)})
        yield Operation(request, read)


def stream(agent_id: str, project: str | None, cursor: str | None) -> Request:
    """Listen to an agent's updates from `cursor` on."""
    return Request(
        "GET",
        f"{_agent_path(agent_id)}/updates",
        params={"project_id": project, "cursor": parameter(cursor, "cursor")},
        headers={"Accept": "text/event-stream", "Accept-Encoding": "identity"},
        reads=True,
    )


def _query_request(project: str, members: Mapping[str, Any]) -> Request:
    path = f"{API}/projects/{segment(project)}/query"
    return Request("POST", path, headers=_JSON, body=encode(members), reads=True)


def _query_options(options: QueryOptions) -> dict[str, Any]:
    given: dict[str, Any] = {**options}
    filters = options.get("filters")
    if filters is not None:
        given["filters"] = filters_member(filters)
    exclusions = options.get("exclusions")
    if exclusions is not None:
        given["exclusions"] = exclusions_member(exclusions)
    return given


def _published(answer: Answer) -> Published:
    return reading.published(
        reading.parse(answer.body, "the answer"), replayed=_was_replayed(answer)
    )


def _registered(answer: Answer) -> Registered:
    return reading.registered(
        reading.parse(answer.body, "the answer"), replayed=_was_replayed(answer)
    )


def _was_replayed(answer: Answer) -> bool:
    return answer.headers.get(_REPLAYED, "").lower() == "true"


def _value_path(project: str, data_key: str) -> str:
    return f"{API}/projects/{segment(project)}/data/{segment(key_of(data_key))}"


def _agent_path(agent_id: str) -> str:
    return f"{API}/agents/{segment(name_of(agent_id, 'agent_id'))}"
