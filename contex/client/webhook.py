"""Verify a webhook request: Standard Webhooks 1.0, with the standard library alone.

Decides whether a request was signed with one of the secrets, and lately. Does no I/O; the receiver
answers.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from contex.client import reading
from contex.client.errors import InvalidWebhook, UnexpectedAnswer
from contex.client.types import Update

TOLERANCE_S: Final = 300.0
BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Twice the largest update."""
SIGNATURES_MAX: Final = 16
SECRET_BYTES_MIN: Final = 24
"""As the standard asks: with an empty one, say from an unset variable, anybody could sign."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the standard's prefix, no secret
VERSION: Final = "v1"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_SECONDS = re.compile(r"[0-9]{1,12}")


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> Update:
    """Return the update that a webhook request tells, if Contex signed it.

    Args:
        body: exactly the bytes that came; JSON that was read and written again does not verify.
        headers: of the request; the case of their names does not matter.
        secret: the registration's `whsec_...`, or several while one replaces another.
        tolerance_s: how far the request's time may be off, either way.
        now_s: seconds since 1970, else the clock's.

    Raises:
        InvalidWebhook: it is not signed with any of the secrets, or not lately, or tells no update.
        ValueError: a secret is none: a mistake of the receiver's.
        TypeError: the body is not bytes: another.
    """
    try:
        content = memoryview(body).tobytes()
    except TypeError as error:
        raise TypeError(f"body must be the bytes that came, got {type(body).__name__}") from error
    keys = [_key(one) for one in ([secret] if isinstance(secret, str) else secret)]
    if not keys:
        raise ValueError("at least one secret is needed")
    lowered = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = _header(lowered, ID), _header(lowered, TIMESTAMP)
    if not _SECONDS.fullmatch(timestamp):
        raise InvalidWebhook(f"{TIMESTAMP} is no number of seconds")
    if len(content) > BODY_BYTES_MAX:
        raise InvalidWebhook(f"the body has over {BODY_BYTES_MAX} bytes")
    signed = b".".join((message_id.encode("utf-8", "surrogateescape"), timestamp.encode(), content))
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    # Every pair is compared, each in constant time: nothing can be learnt from how long it takes.
    holds = [
        hmac.compare_digest(one, given)
        for given in _signatures(_header(lowered, SIGNATURE))
        for one in expected
    ]
    if not any(holds):
        raise InvalidWebhook("no signature holds")
    age_s = (time.time() if now_s is None else now_s) - int(timestamp)
    if abs(age_s) > tolerance_s:
        when = "ago" if age_s > 0 else "ahead"
        raise InvalidWebhook(f"it was signed {abs(age_s):.0f} s {when}")
    try:
        return reading.update(reading.parse(content, "the body"))
    except UnexpectedAnswer as error:
        raise InvalidWebhook(f"it is signed, but {error.detail}") from error


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"a secret is {SECRET_PREFIX} and base64") from error
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret has at least {SECRET_BYTES_MIN} bytes, this one {len(key)}")
    return key


def _header(lowered: Mapping[str, str], name: str) -> str:
    value = lowered.get(name)
    if not value:
        raise InvalidWebhook(f"the header {name} is missing")
    return value


def _signatures(header: str) -> Iterator[bytes]:
    for one in header.split(" ")[:SIGNATURES_MAX]:
        version, _, encoded = one.partition(",")
        if version == VERSION:
            try:
                yield base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                continue
