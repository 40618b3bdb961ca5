"""What callers say, as the gateway's JSON and paths. Pure.

Decides what can be seen to be wrong before anything is sent: names, texts, what JSON cannot say.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from contex.client.data import JSON
from contex.client.errors import FieldProblem, InvalidRequest
from contex.client.types import Exclusion, Need, Publish
from contex.client.wire import KEY_HEADER
from contex.errors import InvalidName
from contex.records.names import check_data_key, check_name

KEY_CHARACTERS_MAX = 255
_DOTS = frozenset({".", ".."})
_KEY = re.compile(rf"[!-~]{{1,{KEY_CHARACTERS_MAX}}}")


def wrong(field: str, message: str, *, next_step: str | None = None) -> InvalidRequest:
    """Return the error of a request that need not be sent."""
    detail = message if message.startswith(field) else f"{field}: {message}"
    return InvalidRequest(detail, fields=[FieldProblem(field, message)], next_step=next_step)


def project_of(given: str | None, default: str | None) -> str:
    """Return the project that is meant.

    Raises:
        InvalidRequest: none is, or it is no name.
    """
    project = any_project_of(given, default)
    if project is None:
        raise wrong(
            "project",
            "project is not given",
            next_step="Give it as project=, or set CONTEX_PROJECT.",
        )
    return project


def any_project_of(given: str | None, default: str | None) -> str | None:
    """Return the project that is meant, or None where none is named anywhere.

    Raises:
        InvalidRequest: it is no name.
    """
    project = default if given is None else given
    return None if project is None else name_of(project, "project")


def name_of(name: object, field: str) -> str:
    """Return a name as it may stand in a request.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return check_name(name, field)
    except InvalidName as error:
        raise wrong(field, str(error)) from error


def key_of(data_key: object) -> str:
    """Return a data key as it may stand in a request.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return check_data_key(data_key)
    except InvalidName as error:
        raise wrong("data_key", str(error)) from error


def segment(name: str) -> str:
    """Return a name as one segment of a path; a dot alone would be taken for a folder."""
    return name.replace(".", "%2E") if name in _DOTS else quote(name, safe="")


def encode(members: Mapping[str, Any]) -> bytes:
    """Write a body, without what is None.

    Raises:
        InvalidRequest: naming the member that JSON cannot say.
    """
    return dump({name: member for name, member in members.items() if member is not None})


def dump(members: Mapping[str, Any]) -> bytes:
    """Write a body.

    Raises:
        InvalidRequest: naming the member that JSON cannot say.
    """
    each = (b"%b:%b" % (_json(name, name), _json(name, one)) for name, one in members.items())
    return b"{%b}" % b",".join(each)


def _json(field: str, member: object) -> bytes:
    try:
        text = json.dumps(member, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong(field, f"cannot be written as JSON: {error}") from error


def data_member(data: JSON | bytes) -> JSON:
    """Return data as it stands in a request: bytes are text.

    Raises:
        InvalidRequest: they are not UTF-8.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        return data
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as error:
        raise wrong("data", f"data in bytes must be UTF-8 text: {error}") from error


def publish_members(item: Publish, project: str) -> dict[str, Any]:
    """Return the body of one publish; null as data is kept."""
    members = {
        "data_format": item.data_format,
        "event_type": item.event_type,
        "metadata": None if item.metadata is None else _table(item.metadata, "metadata"),
    }
    return {
        "project_id": project,
        "data_key": key_of(item.data_key),
        "data": data_member(item.data),
        **{name: member for name, member in members.items() if member is not None},
    }


def needs_member(needs: object, field: str) -> list[JSON]:
    """Return needs as they stand in a request.

    Raises:
        InvalidRequest: they are no list; one alone is taken for a mistake, as a text is a sequence.
    """
    if isinstance(needs, str | bytes | Need) or not isinstance(needs, Iterable):
        raise wrong(field, f"must be a list of texts and Needs, got {type(needs).__name__}")
    return [need_member(one, f"{field}[{place}]") for place, one in enumerate(needs)]


def need_member(need: object, field: str) -> JSON:
    """Return a need as it stands in a request.

    Raises:
        InvalidRequest: it is neither a text nor a Need.
    """
    if isinstance(need, str):
        return need
    if not isinstance(need, Need):
        raise wrong(field, f"must be a text or a Need, got {type(need).__name__}")
    members: dict[str, Any] = {"text": need.text, "threshold": need.threshold}
    if need.filters:
        members["filters"] = filters_member(need.filters)
    if need.exclusions:
        members["exclusions"] = exclusions_member(need.exclusions)
    return members


def exclusions_member(exclusions: str | Iterable[str | Exclusion]) -> JSON:
    """Return exclusions as they stand in a request."""
    held = Need("", exclusions=exclusions).exclusions
    return [{"text": one.text, "threshold": one.threshold} for one in held]


def filters_member(filters: object) -> JSON:
    """Return filters as they stand in a request.

    Raises:
        InvalidRequest: they are no mapping.
    """
    held = _table(filters, "filters")
    return {
        label: texts if isinstance(texts, str) or not isinstance(texts, Iterable) else list(texts)
        for label, texts in held.items()
    }


def _table(given: object, field: str) -> dict[Any, Any]:
    if not isinstance(given, Mapping):
        raise wrong(field, f"must be a mapping, got {type(given).__name__}")
    return dict(given)


def key_headers(key: object) -> dict[str, str]:
    """Return the header by which the gateway recognises a repeat.

    Raises:
        InvalidRequest: it is no key, and no header could carry it.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        message = f"must be 1 to {KEY_CHARACTERS_MAX} visible characters of ASCII"
        raise wrong("idempotency_key", message)
    return {KEY_HEADER: key}


def parameter(text: object, field: str) -> str | None:
    """Return a text as it may stand in a query string.

    Raises:
        InvalidRequest: it is none, or it holds half a surrogate pair.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise wrong(field, f"must be a text, got {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise wrong(field, "must be text, without halves of surrogate pairs") from error
    return text


def wait_headers(wait_s: float | None) -> dict[str, str]:
    """Return the header that asks the gateway to wait for the outcome, in whole seconds."""
    return {} if wait_s is None else {"Prefer": f"wait={math.ceil(seconds(wait_s, 'wait_s'))}"}


def seconds(given: object, field: str) -> float:
    """Return a time as it may be waited for.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(given, int | float) or not 0 <= given < math.inf:
        raise wrong(field, f"must be seconds, at least 0, got {given!r}")
    return given


def whole(given: object, field: str) -> int:
    """Return a number of times.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(given, int) or given < 0:
        raise wrong(field, f"must be a whole number, at least 0, got {given!r}")
    return given
