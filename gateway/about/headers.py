"""The headers that several operations read or answer, described once."""

from typing import Final

from gateway.openapi.operation import Header

ETAG: Final = Header(
    "ETag",
    "The revision, quoted.",
    {"type": "string", "pattern": '^"[0-9]+"$'},
    required=True,
)
LAST_EVENT_ID: Final = Header(
    "Last-Event-ID",
    "The id of the last event, as browsers send it by themselves; it wins over `cursor`.",
    {"type": "string", "pattern": "^[0-9]+:[0-9]+$"},
)
