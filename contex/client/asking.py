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
    project = default if given is None else given
    if project is None:
        raise wrong(
            "project",
            "project is not given",
            next_step="Give it as project=, or set CONTEX_PROJECT.",
        )
    return name_of(project, "project")


def name_of(name: str, field: str) -> str:
    """Return a name as it may stand in a request.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return check_name(name, field)
    except InvalidName as error:
        raise wrong(field, str(error)) from error


def key_of(data_key: str) -> str:
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
        InvalidRequest: JSON cannot say it.
    """
    return dump({name: member for name, member in members.items() if member is not None})


def dump(document: object) -> bytes:
    """Write JSON.

    Raises:
        InvalidRequest: JSON cannot say it.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong("data", f"cannot be written as JSON: {error}") from error


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
        "metadata": None if item.metadata is None else dict(item.metadata),
    }
    return {
        "project_id": project,
        "data_key": key_of(item.data_key),
        "data": data_member(item.data),
        **{name: member for name, member in members.items() if member is not None},
    }


def need_member(need: str | Need) -> JSON:
    """Return a need as it stands in a request."""
    if isinstance(need, str):
        return need
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


def filters_member(filters: Mapping[str, Any]) -> JSON:
    """Return filters as they stand in a request."""
    return {
        label: texts if isinstance(texts, str) else list(texts) for label, texts in filters.items()
    }


def key_headers(key: str) -> dict[str, str]:
    """Return the header by which the gateway recognises a repeat.

    Raises:
        InvalidRequest: it is no key, and no header could carry it.
    """
    if not _KEY.fullmatch(key):
        message = f"must be 1 to {KEY_CHARACTERS_MAX} visible characters of ASCII"
        raise wrong("idempotency_key", message)
    return {KEY_HEADER: key}


def parameter(text: str | None, field: str) -> str | None:
    """Return a text as it may stand in a query string.

    Raises:
        InvalidRequest: it holds half a surrogate pair, which is no text.
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        raise wrong(field, "must be text, without halves of surrogate pairs") from error
    return text


def wait_headers(wait_s: float | None) -> dict[str, str]:
    """Return the header that asks the gateway to wait for the outcome, in whole seconds."""
    if wait_s is None:
        return {}
    if wait_s < 0 or not math.isfinite(wait_s):
        raise wrong("wait_s", f"must be seconds, at least 0, got {wait_s}")
    return {"Prefer": f"wait={math.ceil(wait_s)}"}
