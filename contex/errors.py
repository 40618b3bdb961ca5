"""The error tree. Its leaves decide what happens to the work at hand.

    ContexError
    ├── CallerError           whoever sent it must change it: 4xx, or a dead-letter topic, at once
    │   ├── InvalidName       a tenant, project, agent or data key breaks the naming rules
    │   ├── InvalidRecord     bytes that are no record, an unknown schema, a key that disagrees
    │   ├── InvalidValue      a value that is not what its content type says
    │   └── LimitExceeded     a value, a request or a record beyond a documented limit
    ├── DependencyAway        Kafka, the index or the registry does not answer: retry, then exit
    └── SubscriberError       a receiver refused or failed: the retry schedule, then dead-letter

Anything else that is raised is a bug of ours and ends the process.
"""

__all__ = [
    "CallerError",
    "ContexError",
    "DependencyAway",
    "InvalidName",
    "InvalidRecord",
    "InvalidValue",
    "LimitExceeded",
    "SubscriberError",
]


class ContexError(Exception):
    """Base of every error that Contex raises on purpose."""


class CallerError(ContexError):
    """The sender's fault: repeating it unchanged cannot succeed.

    Attributes:
        field: the name of the offending field, in the caller's words, or None.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidName(CallerError):
    """A name breaks the naming rules."""


class InvalidRecord(CallerError):
    """Bytes that cannot be read as the record they should be."""


class InvalidValue(CallerError):
    """A value that cannot be read as its content type says."""


class LimitExceeded(CallerError):
    """Something is larger, deeper or more numerous than a documented limit."""


class DependencyAway(ContexError):
    """A dependency does not answer. Never a reason to dead-letter."""


class SubscriberError(ContexError):
    """A subscriber's endpoint refused or failed."""
