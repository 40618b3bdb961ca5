"""The environment is read once; everything wrong in it is named at once."""

import pytest

from contex.errors import InvalidValue
from contex.settings import load_settings


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_PORT", "eighty")
    monkeypatch.setenv("CONTEX_EMBEDDER", "magic")

    with pytest.raises(InvalidValue, match=r"CONTEX_PORT: .*CONTEX_EMBEDDER: "):
        load_settings()


def test_networks_are_read_from_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_WEBHOOK_ALLOW", "127.0.0.0/8, ::1/128")

    assert [str(one) for one in load_settings().webhook_allow] == ["127.0.0.0/8", "::1/128"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_SECRET_KEYS", "very-secret")
    monkeypatch.setenv("QDRANT_API_KEY", "also-secret")

    assert "secret-" not in repr(load_settings()).replace("secret_keys", "")
    assert "very" not in repr(load_settings())
