"""The headers of records as JSON Schema: CloudEvents, the trace, and a dead letter's reasons.

Decides their description alone. `contex.records` writes and reads them.
"""

from typing import Any, Final

from contex.records.dead_letter import MESSAGE_CHARACTERS_MAX, PREFIX
from contex.records.headers import AVRO, EVENT_ID_CHARACTERS_MAX, SPEC_VERSION

_EVENT: Final[dict[str, Any]] = {
    "ce_specversion": {"const": SPEC_VERSION},
    "ce_id": {"type": "string", "minLength": 1, "maxLength": EVENT_ID_CHARACTERS_MAX},
    "ce_source": {"type": "string"},
    "ce_type": {"type": "string"},
    "ce_subject": {"type": "string", "description": "The record's key."},
    "ce_time": {"type": "string", "format": "date-time"},
    "traceparent": {"type": "string", "description": "W3C trace context."},
}
_REASONS: Final[dict[str, Any]] = {
    "topic": {"description": "Where it failed, with its partition and offset."},
    "partition": {"pattern": "^[0-9]+$"},
    "offset": {"pattern": "^[0-9]+$"},
    "stage": {"description": "Which process gave it up."},
    "class": {"description": "The error's class."},
    "message": {"maxLength": MESSAGE_CHARACTERS_MAX, "description": "The error in words."},
    "attempt": {"pattern": "^[1-9][0-9]*$", "description": "How often it was tried in all."},
    "first_failed_at": {"pattern": "^[0-9]+$", "description": "Milliseconds since the epoch."},
    "keyless": {"const": "true", "description": "Only when the original had no key at all."},
    "value_omitted_bytes": {
        "pattern": "^[0-9]+$",
        "description": "Only when the value was too large for this topic: its size.",
    },
}
_ONLY_SOMETIMES: Final = {"keyless", "value_omitted_bytes"}

EVENT_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode. All are optional for who produces.",
    "properties": {**_EVENT, "content-type": {"const": AVRO}},
}
TOMBSTONE_HEADERS: Final[dict[str, Any]] = {**EVENT_HEADERS, "properties": _EVENT}
DEAD_LETTER_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The original's headers, and these. All of them are text.",
    "properties": {
        PREFIX + name: {"type": "string", **schema} for name, schema in _REASONS.items()
    },
    "required": [PREFIX + name for name in _REASONS if name not in _ONLY_SOMETIMES],
}
