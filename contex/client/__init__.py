"""The client: publish, register, query and listen over the gateway's REST API.

`Contex` waits, `AsyncContex` is awaited; both carry out what one core without I/O decides. Needs
httpx alone, never the server's libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from contex.client.errors import (
    Conflict,
    ContexClientError,
    Disconnected,
    Failed,
    FieldProblem,
    Forbidden,
    InvalidRequest,
    InvalidWebhook,
    NotFetched,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from contex.client.types import (
    Agent,
    Cause,
    Exclusion,
    Failure,
    Item,
    Match,
    MatchedNeed,
    Need,
    Omitted,
    Publish,
    Published,
    QueryAnswer,
    QueryOptions,
    Registered,
    Update,
    Value,
    ValueInfo,
)
from contex.client.webhook import verify_webhook

if TYPE_CHECKING:
    from contex.client.asynchronous import AsyncContex
    from contex.client.asynchronous_updates import AsyncUpdates
    from contex.client.blocking import Contex
    from contex.client.blocking_updates import Updates

__all__ = [
    "Agent",
    "AsyncContex",
    "AsyncUpdates",
    "Cause",
    "Conflict",
    "Contex",
    "ContexClientError",
    "Disconnected",
    "Exclusion",
    "Failed",
    "Failure",
    "FieldProblem",
    "Forbidden",
    "InvalidRequest",
    "InvalidWebhook",
    "Item",
    "Match",
    "MatchedNeed",
    "Need",
    "NotFetched",
    "NotFound",
    "Omitted",
    "Publish",
    "Published",
    "QueryAnswer",
    "QueryOptions",
    "Refused",
    "Registered",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Update",
    "Updates",
    "Value",
    "ValueInfo",
    "verify_webhook",
]

_ON_FIRST_USE: Final = {
    "AsyncContex": "contex.client.asynchronous",
    "AsyncUpdates": "contex.client.asynchronous_updates",
    "Contex": "contex.client.blocking",
    "Updates": "contex.client.blocking_updates",
}
"""What needs httpx, which is slow to import: who wants an error's class alone does without."""


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_ON_FIRST_USE[name]), name)
    globals()[name] = found
    return found
