"""Webhook secrets: their form, their generation, and their encryption at rest.

Decides what a legal secret is and how it is sealed before it reaches a topic. Never logs a secret
or a key, never reads the environment.

A secret is `whsec_` followed by the base64 of 24 to 64 bytes, as Standard Webhooks says. Anything
else is refused: a verifier decodes what follows the prefix, so a free text would be signed with
one key here and verified with another there.

A sealed secret is `<key id>:<Fernet token>`. The key id tells a secret whose key this process
lacks (the operator's fault: stop, so that it is put back) from a forged one (the registrant's
fault: refused, and nobody else suffers).
"""

import base64
import binascii
import hashlib
import re
import secrets

from cryptography.fernet import Fernet, InvalidToken

from contex.errors import DependencyAway, InvalidRecord, InvalidValue

PREFIX = "whsec_"
SECRET_BYTES = 32
SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64
SEALED_CHARACTERS_MAX = 1_024
_SEALED = re.compile(r"(?P<key_id>[0-9a-f]{8}):(?P<token>[A-Za-z0-9_-]+={0,2})")


class SecretKeysUnusable(DependencyAway):
    """CONTEX_SECRET_KEYS is missing, malformed, or lacks a key that is in use."""


def generate_secret() -> str:
    """Return a new signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def generate_key() -> str:
    """Return a new key for CONTEX_SECRET_KEYS."""
    return Fernet.generate_key().decode()


def check_secret(secret: str) -> str:
    """Return `secret` if it may sign webhooks.

    Raises:
        InvalidValue: saying what a secret looks like, never repeating it.
    """
    try:
        size = len(secret_bytes(secret))
    except (ValueError, binascii.Error):
        size = 0
    if not SECRET_BYTES_MIN <= size <= SECRET_BYTES_MAX:
        raise InvalidValue(
            f"webhook_secret must be '{PREFIX}' followed by the base64 of {SECRET_BYTES_MIN} to"
            f" {SECRET_BYTES_MAX} bytes; leave it out to have one generated",
            field="webhook_secret",
        )
    return secret


def secret_bytes(secret: str) -> bytes:
    """Return the HMAC key that a secret stands for.

    Raises:
        ValueError: if it lacks the prefix or is not base64.
    """
    encoded = secret.removeprefix(PREFIX)
    if encoded == secret:
        raise ValueError("no whsec_ prefix")
    return base64.b64decode(encoded, validate=True)


class SecretBox:
    """Seals secrets with the first of its keys and opens them with any.

    Args:
        keys: the value of CONTEX_SECRET_KEYS, comma separated, newest first; None or blank makes
            a box that can neither seal nor open, which is fine until a webhook secret turns up.

    Raises:
        SecretKeysUnusable: if a key is malformed.
    """

    def __init__(self, keys: str | None) -> None:
        texts = [text.strip() for text in (keys or "").split(",") if text.strip()]
        self._boxes: dict[str, Fernet] = {}
        for position, text in enumerate(texts, start=1):
            try:
                self._boxes[_key_id(text)] = Fernet(text)
            except (ValueError, binascii.Error) as error:
                raise SecretKeysUnusable(
                    f"CONTEX_SECRET_KEYS: key {position} of {len(texts)} is not the url-safe base64"
                    " of 32 bytes"
                ) from error

    def seal(self, secret: str) -> str:
        """Encrypt a secret.

        Raises:
            SecretKeysUnusable: if there is no key.
        """
        for key_id, box in self._boxes.items():
            return f"{key_id}:{box.encrypt(secret.encode()).decode()}"
        raise SecretKeysUnusable(
            "CONTEX_SECRET_KEYS is not set: webhook secrets cannot be encrypted"
        )

    def open(self, sealed: str) -> str:
        """Decrypt a sealed secret.

        Raises:
            SecretKeysUnusable: if it was sealed with a key that this box lacks.
            InvalidRecord: if nobody who had a key can have sealed it.
        """
        match = _SEALED.fullmatch(sealed) if len(sealed) <= SEALED_CHARACTERS_MAX else None
        if match is None:
            raise InvalidRecord("the registration's webhook secret is not a sealed one")
        if not self._boxes:
            raise SecretKeysUnusable(
                "CONTEX_SECRET_KEYS is not set, but webhook secrets are waiting to be decrypted"
            )
        box = self._boxes.get(match["key_id"])
        if box is None:
            raise SecretKeysUnusable(
                f"CONTEX_SECRET_KEYS lacks the key {match['key_id']}, with which a webhook secret"
                " was encrypted; keep old keys after the new one until no secret uses them"
            )
        try:
            return box.decrypt(match["token"]).decode()
        except (InvalidToken, UnicodeDecodeError) as error:
            raise InvalidRecord("the registration's webhook secret was tampered with") from error


def _key_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]
