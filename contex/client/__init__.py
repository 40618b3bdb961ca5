"""The client: publish, register, query and listen over the gateway's REST API.

`Contex` waits, `AsyncContex` is awaited; both carry out what one core without I/O decides. Needs
httpx alone, never the server's libraries.
"""

from contex.client.asynchronous import AsyncContex
from contex.client.asynchronous_updates import AsyncUpdates
from contex.client.blocking import Contex
from contex.client.blocking_updates import Updates
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
