"""How events look on the wire: the event stream format of the HTML standard. Pure."""

from contex.records.cursor import Cursor

KEEP_ALIVE = b": keep-alive\n\n"


def opening(retry_ms: int) -> bytes:
    """Return the first frame: how long to wait before connecting again."""
    return f"retry: {retry_ms}\n\n".encode()


def event(name: str, data: bytes, cursor: Cursor | None = None) -> bytes:
    r"""Return one event. `data` is one line of JSON: JSON writes its line ends as `\n`."""
    if b"\n" in data or b"\r" in data:
        raise ValueError("an event's data must be one line")
    identity = b"" if cursor is None else b"id: %b\n" % str(cursor).encode()
    return b"%bevent: %b\ndata: %b\n\n" % (identity, name.encode(), data)


def keep_alive(cursor: Cursor | None = None) -> bytes:
    """Return a frame that says nothing but moves the reader's cursor.

    A frame with an id and no data dispatches no event, yet a client resumes from its id: so the
    cursor of a quiet agent does not grow old while others' updates pass.
    """
    return KEEP_ALIVE if cursor is None else b": keep-alive\nid: %b\n\n" % str(cursor).encode()


def farewell(reason: str, cursor: Cursor) -> bytes:
    """Return the last frame of a connection that is cut: why, and where to resume."""
    return b": %b\nid: %b\n\n" % (reason.encode(), str(cursor).encode())
