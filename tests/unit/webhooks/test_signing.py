import json
import time
import uuid

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from contex.webhooks.secrets import generate_secret
from contex.webhooks.signing import signed_headers

UPDATE_ID = uuid.UUID("3f0f7a7e-6f0e-5f6b-9d55-2f1d7e1c9a11")
BODY = json.dumps({"kind": "matched", "text": "günstig \N{SNOWMAN}"}).encode()


def test_the_off_the_shelf_library_verifies_the_signature() -> None:
    secret = generate_secret()

    headers = signed_headers(UPDATE_ID, int(time.time()), BODY, secret)

    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    assert headers["webhook-id"] == str(UPDATE_ID)


def test_a_changed_body_id_time_or_secret_is_not_verified() -> None:
    secret, now_s = generate_secret(), int(time.time())
    headers = signed_headers(UPDATE_ID, now_s, BODY, secret)
    forged = [
        (secret, BODY + b" ", headers),
        (secret, BODY, headers | {"webhook-id": str(uuid.uuid4())}),
        (secret, BODY, headers | {"webhook-timestamp": str(now_s - 1)}),
        (generate_secret(), BODY, headers),
    ]

    for key, body, sent in forged:
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(key).verify(body, sent)
