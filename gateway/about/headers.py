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
IDEMPOTENCY_KEY: Final = Header(
    "Idempotency-Key",
    "Names this write: a repeat with the same key writes the same event, and is answered what the"
    " first was answered. A key of your own for each write, such as a UUID.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)
PREFER_WAIT: Final = Header(
    "Prefer",
    "`wait=N`: answer 200 with what follows from this write, if that is known within N seconds"
    " (30 at most), else 202. A preference that cannot be read is as good as none.",
    {"type": "string", "examples": ["wait=2"]},
)
IF_NONE_MATCH: Final = Header(
    "If-None-Match", "The `ETag` that the caller has: 304 when it is still that."
)
IDEMPOTENCY_REPLAYED: Final = Header(
    "Idempotency-Replayed",
    "`true`: this is what the same key was answered before.",
    {"type": "string", "enum": ["true"]},
)
PREFERENCE_APPLIED: Final = Header(
    "Preference-Applied",
    "For how long the gateway was ready to wait.",
    {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
)
AGENT_ETAG: Final = Header(
    "ETag",
    "The epoch, quoted; weak when the answer is compressed.",
    {"type": "string", "pattern": '^(W/)?"[0-9]+"$'},
    required=True,
)
