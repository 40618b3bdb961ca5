"""Idempotency keys: how they are read, and the event ids that follow from them. Pure.

Decides that the id of an event depends on the tenant, the key and the item's number alone: so a
repeat has the id of the first attempt, after a restart and at another gateway as well.
"""

import hashlib
import re
import uuid
from collections.abc import Sequence
from typing import Final

from contex.errors import InvalidValue
from gateway.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from gateway.services import Call, Services

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
EVENT_NAMESPACE: Final = uuid.UUID("3f7a2f52-70c6-5c5e-8f0b-7d1f6a4be920")

_FORM = re.compile(rf"[!-~]{{1,{IDEMPOTENCY_KEY_CHARACTERS_MAX}}}")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_SEPARATOR = "\n"
"""Occurs in no tenant and no key, so that no two places have one name."""


def read_key(given: Sequence[str]) -> str | None:
    """Return the key that the headers give, or None without one.

    A structured field's quotes, which the draft standard has and most clients leave out, are no
    part of the key.

    Raises:
        InvalidValue: naming the header.
    """
    if not given:
        return None
    text = given[0].strip()
    quoted = _QUOTED.fullmatch(text)
    key = text if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1])
    if len(given) > 1 or not _FORM.fullmatch(key):
        raise InvalidValue(
            f"{HEADER} must be given once, with 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} visible"
            " characters of ASCII",
            field=HEADER,
        )
    return key


def event_id(services: Services, call: Call, item: int | None = None) -> str:
    """Return the id of the event that a call writes, or that an item of its batch writes."""
    if call.idempotency_key is None:
        return services.new_id()
    place = [call.tenant, call.idempotency_key] + ([] if item is None else [str(item)])
    return str(uuid.uuid5(EVENT_NAMESPACE, _SEPARATOR.join(place)))


def fingerprint(method: str, target: str, body: bytes) -> bytes:
    """Return what tells one request from another under the same key."""
    head = f"{method} {target}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(head + body).digest()
