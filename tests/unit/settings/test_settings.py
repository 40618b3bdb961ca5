"""The environment is read once; everything wrong in it is named at once, and no secret is told."""

import traceback

import pytest

from contex.errors import InvalidValue
from contex.settings import Settings, load_settings
from contex.settings.catalogue import SERVERS, SETTINGS, Setting
from contex.settings.kinds import Choice, Keys, Networks, Servers, Text, Url, Whole

KEY = "VGhpcnR5LXR3byBieXRlcyBvZiBhIHNlY3JldCBrZXk="
OF_SERVERS = [setting for setting in SETTINGS if set(SERVERS) & set(setting.readers)]
RIGHT = {
    Servers: "kafka-1:9092,kafka-2:9093",
    Url: "https://somewhere.example/path",
    Networks: "10.0.0.0/8",
    Keys: KEY,
}


def other(setting: Setting) -> str:
    """Return a right value that is not the default."""
    match setting.kind:
        case Whole(minimum):
            return str(minimum + 1)
        case Choice(choices):
            return choices[-1]
        case Text():
            return "another-one-that-is-long-enough"
    return RIGHT[type(setting.kind)]


def test_every_wrong_variable_is_named_and_what_was_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTEX_PORT", "eighty")
    monkeypatch.setenv("CONTEX_EMBEDDER", "magic")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka")

    with pytest.raises(InvalidValue) as raised:
        load_settings()

    assert str(raised.value) == (
        "the environment is wrong: "
        "KAFKA_BOOTSTRAP_SERVERS: expected host:port, comma separated, got 'kafka'; "
        "CONTEX_PORT: expected a whole number from 0 to 65535, got 'eighty'; "
        "CONTEX_EMBEDDER: expected one of openvino, sentence-transformers, deterministic,"
        " got 'magic'"
    )


@pytest.mark.parametrize("setting", OF_SERVERS, ids=lambda setting: setting.name)
def test_a_variable_of_the_catalogue_reaches_its_field(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(load_settings(), setting.field) == setting.value
    monkeypatch.setenv(setting.name, other(setting))

    got = getattr(load_settings(), setting.field)

    plain = got.get_secret_value() if setting.secret else got
    assert plain == setting.kind.parse(other(setting)) != setting.value


def test_the_model_has_a_field_for_each_setting_of_a_server_and_no_other() -> None:
    assert set(Settings.model_fields) == {setting.field for setting in OF_SERVERS}


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in OF_SERVERS:
        monkeypatch.setenv(setting.name, "")

    assert load_settings() == Settings()


def test_networks_are_read_from_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_WEBHOOK_ALLOW", "127.0.0.0/8, ::1/128")

    assert [str(one) for one in load_settings().webhook_allow] == ["127.0.0.0/8", "::1/128"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEX_SECRET_KEYS", KEY)
    monkeypatch.setenv("QDRANT_API_KEY", "very-secret")
    monkeypatch.setenv("CONTEX_API_KEY", "very-secret-too-")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://me:very-secret@registry")

    text = repr(load_settings()) + str(load_settings())

    assert "very" not in text
    assert KEY not in text


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("CONTEX_SECRET_KEYS", f"{KEY},very-secret"),
        ("CONTEX_API_KEY", "very secret and with blanks"),
        ("SCHEMA_REGISTRY_URL", "ftp://me:very-secret@registry"),
        ("KAFKA_BOOTSTRAP_SERVERS", "sasl://me:very-secret@broker:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "me:very-secret@broker:9092"),
    ],
)
def test_a_wrong_secret_is_refused_without_being_told(
    name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, wrong)

    with pytest.raises(InvalidValue, match=f"{name}: expected ") as raised:
        load_settings()
    words = "".join(traceback.format_exception(raised.value))
    with pytest.raises(ValueError, match=name) as directly:
        Settings()
    words += "".join(traceback.format_exception(directly.value))

    assert "very" not in words
    assert KEY not in words
