"""What the engine server answers when it cannot do what it was asked.

Decides the gRPC status of every refusal and of every failure of the engine. Never hides one.
"""

import grpc

_CALLER_MARKS = ("Wrong input", "Bad request", "Vector dimension error", "Not existing vector name")
_SPACE_MARKS = ("No space left", "StorageFull", "Disk quota", "File too large", "Out of memory")


class Refusal(Exception):
    """An answer other than success.

    Attributes:
        status: the gRPC status it is sent with.
    """

    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status


def unsupported(what: str) -> Refusal:
    """Refuse what only a real Qdrant server can do."""
    return Refusal(
        grpc.StatusCode.UNIMPLEMENTED,
        f"the embedded index engine does not support {what}; use a Qdrant server",
    )


def invalid(message: str) -> Refusal:
    """Refuse a request that no engine could carry out."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)


def engine_failure(error: Exception) -> Refusal:
    """Classify what the engine raised; it has one exception type and tells by its text."""
    text = str(error)
    if any(mark in text for mark in _SPACE_MARKS):
        return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
    if any(mark in text for mark in _CALLER_MARKS):
        return invalid(text)
    return Refusal(grpc.StatusCode.INTERNAL, text)
