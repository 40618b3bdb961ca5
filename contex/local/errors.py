"""What can keep the embedded stack from starting, each with the next step for a person."""

from contex.errors import ContexError

__all__ = [
    "ChildFailed",
    "DownloadFailed",
    "FolderInUse",
    "JavaMissing",
    "PortTaken",
    "StackError",
]


class StackError(ContexError):
    """The embedded stack cannot go on.

    Attributes:
        advice: what the person at the keyboard can do next.
    """

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class DownloadFailed(StackError):
    """Something that is needed once could not be downloaded."""


class JavaMissing(StackError):
    """No Java runtime that can run Kafka."""


class PortTaken(StackError):
    """Somebody else listens on a port that was asked for."""


class FolderInUse(StackError):
    """Another stack works in the same data folder."""


class ChildFailed(StackError):
    """A child process did not become ready."""
