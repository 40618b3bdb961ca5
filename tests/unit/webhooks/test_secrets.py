import base64

import pytest

from contex.errors import DependencyAway, InvalidRecord, InvalidValue
from contex.webhooks.secrets import (
    SecretBox,
    SecretKeysUnusable,
    check_secret,
    generate_key,
    generate_secret,
    secret_bytes,
)


def test_a_generated_secret_is_standard_and_accepted() -> None:
    secret = generate_secret()

    assert secret.startswith("whsec_")
    assert len(secret_bytes(secret)) == 32
    assert check_secret(secret) == secret
    assert generate_secret() != secret


@pytest.mark.parametrize("size", [24, 32, 64])
def test_24_to_64_bytes_are_accepted(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(size)).decode()

    assert check_secret(secret) == secret


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_not base64 at all, though long enough!",
        "a plain text of more than twenty-four characters",
        base64.b64encode(bytes(32)).decode(),
        "whsec_\N{SNOWMAN}" + "A" * 40,
    ],
)
def test_anything_else_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_secret(secret)

    assert caught.value.field == "webhook_secret"
    assert not secret or secret == "whsec_" or secret not in str(caught.value)


def test_a_sealed_secret_opens_again_and_hides_the_secret() -> None:
    box = SecretBox(generate_key())
    secret = generate_secret()

    sealed = box.seal(secret)

    assert secret not in sealed
    assert box.open(sealed) == secret


def test_after_a_rotation_old_secrets_open_and_new_ones_use_the_new_key() -> None:
    old, new = generate_key(), generate_key()
    sealed_before = SecretBox(old).seal("before")

    rotated = SecretBox(f"{new}, {old}")

    assert rotated.open(sealed_before) == "before"
    assert SecretBox(new).open(rotated.seal("after")) == "after"


@pytest.mark.parametrize("keys", [None, "", " , "])
def test_without_keys_nothing_is_sealed_or_opened_and_the_error_names_the_setting(
    keys: str | None,
) -> None:
    sealed = SecretBox(generate_key()).seal("x")
    box = SecretBox(keys)

    with pytest.raises(SecretKeysUnusable, match="CONTEX_SECRET_KEYS is not set"):
        box.seal("x")
    with pytest.raises(SecretKeysUnusable, match="CONTEX_SECRET_KEYS is not set"):
        box.open(sealed)


def test_an_unknown_key_is_the_operators_fault() -> None:
    sealed = SecretBox(generate_key()).seal("x")

    with pytest.raises(SecretKeysUnusable, match=f"lacks the key {sealed[:8]}"):
        SecretBox(generate_key()).open(sealed)
    assert issubclass(SecretKeysUnusable, DependencyAway)


@pytest.mark.parametrize(
    "keys",
    ["short", generate_key() + ",nonsense", "\N{SNOWMAN}"],
    ids=["short", "second", "snowman"],
)
def test_a_malformed_key_is_named_by_its_position_and_never_repeated(keys: str) -> None:
    with pytest.raises(SecretKeysUnusable, match=r"key \d of \d") as caught:
        SecretBox(keys)

    assert keys.rpartition(",")[2] not in str(caught.value)


def test_a_forged_sealed_secret_is_the_registrants_fault() -> None:
    box = SecretBox(generate_key())
    sealed = box.seal("x")
    tampered = sealed[:-12] + ("A" if sealed[-12] != "A" else "B") + sealed[-11:]

    for forged in ("", "plain text", "whsec_abc", "12345678:", sealed + "!", "a" * 5_000, tampered):
        with pytest.raises(InvalidRecord):
            box.open(forged)
