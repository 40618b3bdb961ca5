"""Contex routes versioned values to the agents that need them, by meaning.

    from contex import Contex

    with Contex() as contex:
        contex.publish("team/on-call", {"pager": "alice"}, project="demo")

What is exported here is imported on first use, so that `import contex` costs nothing.
"""

TYPE_CHECKING = False  # the typing module alone would cost more than all of this
if TYPE_CHECKING:
    from contex.client import (
        Agent,
        AsyncContex,
        AsyncUpdates,
        Conflict,
        Contex,
        ContexClientError,
        Disconnected,
        Exclusion,
        Failed,
        Failure,
        FieldProblem,
        Forbidden,
        InvalidRequest,
        InvalidWebhook,
        Item,
        Match,
        Need,
        NotFetched,
        NotFound,
        Publish,
        Published,
        QueryAnswer,
        QueryOptions,
        Refused,
        Registered,
        Unauthenticated,
        Unavailable,
        UnexpectedAnswer,
        Update,
        Updates,
        Value,
        ValueInfo,
        verify_webhook,
    )

__all__ = [
    "Agent",
    "AsyncContex",
    "AsyncUpdates",
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
    "Need",
    "NotFetched",
    "NotFound",
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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from contex import client  # noqa: PLC0415 - on first use

    found: object = getattr(client, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
