"""Signing: Standard Webhooks 1.0, so that any of its libraries verifies an update.

Decides the three headers of a request. The id is the update's and the same on every try, so that a
receiver can drop repeats; the time is the try's, so that a captured request soon expires. Knows no
HTTP and no clock.
"""

import base64
import hashlib
import hmac
import uuid

from contex.webhooks.secrets import secret_bytes

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def signed_headers(
    update_id: uuid.UUID, timestamp_s: int, body: bytes, secret: str
) -> dict[str, str]:
    """Return the headers that go with `body`, which must be sent byte for byte."""
    signed = b".".join((str(update_id).encode(), str(timestamp_s).encode(), body))
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return {
        ID_HEADER: str(update_id),
        TIMESTAMP_HEADER: str(timestamp_s),
        SIGNATURE_HEADER: f"v1,{base64.b64encode(digest).decode()}",
    }
