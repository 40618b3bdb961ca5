"""The limits of a value and the errors that name them. Decides no format."""

from contex.errors import InvalidValue, LimitExceeded
from contex.records.publication import VALUE_BYTES_MAX

FIELD = "data"
"""What a caller calls the value."""

DEPTH_MAX = 64
CHUNKS_MAX = 2_048
EXPANDED_CHARACTERS_MAX = 4 * VALUE_BYTES_MAX
"""Aliases may repeat what stands elsewhere; this bounds the text after they are followed."""
CELL_CHARACTERS_MAX = 131_072
"""The standard library's own limit for one cell of a table."""


def check_depth(depth: int) -> None:
    """Refuse nesting that no reader could follow.

    Raises:
        LimitExceeded: naming the limit and the depth.
    """
    if depth > DEPTH_MAX:
        raise too_deep(f"{depth:,}")


def too_deep(found: str) -> LimitExceeded:
    """Return the error for nesting of depth `found`."""
    return LimitExceeded(
        f"data may be nested at most {DEPTH_MAX} levels deep, got {found}: "
        "flatten it, or publish the inner parts under data keys of their own",
        field=FIELD,
    )


def too_many_chunks(tokens_max: int) -> LimitExceeded:
    """Return the error for a value of more passages than are indexed."""
    return LimitExceeded(
        f"data may make at most {CHUNKS_MAX:,} passages of {tokens_max} tokens, got more: "
        "publish its parts under several data keys",
        field=FIELD,
    )


def malformed(format_name: str, problem: str) -> InvalidValue:
    """Return the error for a value that is not what its content type says."""
    return InvalidValue(f"data is not valid {format_name}: {problem}", field=FIELD)


def at(line: int, column: int, problem: str) -> str:
    """Put a one-based place before a parser's message."""
    return f"line {line}, column {column}: {problem}"
