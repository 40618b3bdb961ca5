"""What an environment sets, what is wrong with it, and which names are a slip of the pen."""

import subprocess
import sys

import pytest

from contex.settings.catalogue import BY_NAME, SETTINGS, Process
from contex.settings.reading import Entry, Origin, problem, read, shown, unknown, without_password


def entry(name: str, environ: dict[str, str]) -> Entry:
    [found] = [one for one in read(environ).entries if one.setting.name == name]
    return found


def test_a_value_comes_from_the_environment_or_is_the_default() -> None:
    assert entry("CONTEX_PORT", {}).origin is Origin.DEFAULT
    assert entry("CONTEX_PORT", {}).shown == "8000"
    assert entry("CONTEX_PORT", {"CONTEX_PORT": "9"}).origin is Origin.ENVIRONMENT
    assert entry("CONTEX_PORT", {"CONTEX_PORT": "9"}).shown == "9"
    assert entry("CONTEX_PORT", {"CONTEX_PORT": ""}).origin is Origin.DEFAULT
    assert entry("CONTEX_HEALTH_PORT", {}).shown == "not set"
    assert entry("CONTEX_WEBHOOK_ALLOW", {}).shown == "empty"


def test_a_process_is_told_its_own_settings_alone() -> None:
    names = {one.setting.name for one in read({}, [Process.CLIENT]).entries}

    assert names == {"CONTEX_URL", "CONTEX_API_KEY", "CONTEX_PROJECT"}
    assert read({"CONTEX_URL": "nonsense"}, [Process.GATEWAY]).problems == ()
    assert len(read({"CONTEX_URL": "nonsense"}).problems) == 1


def test_secrets_are_hidden() -> None:
    for name in ("CONTEX_SECRET_KEYS", "CONTEX_API_KEY", "QDRANT_API_KEY"):
        assert shown(BY_NAME[name], "whatever") == "(hidden)"
    assert "p4ss" not in str(read({"CONTEX_API_KEY": "p4ss", "QDRANT_URL": "http://u:p4ss@h"}))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:1/p", "http://h:1/p"),
        ("http://me:pass@h:1/p", "http://(hidden)@h:1/p"),
        ("http://token@h", "http://(hidden)@h"),
        ("http//me:pass@h", "(hidden)"),
        ("http://[me:pass@h", "(hidden)"),
        ("http://me:pa@ss@h", "http://(hidden)@h"),
        ("http://me:pa@s/s@h", "(hidden)"),
        ("me:pass@h:9092", "(hidden)"),
    ],
)
def test_passwords_are_hidden_in_urls(url: str, expected: str) -> None:
    assert without_password(url) == expected


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "a:1, [::1]:9092", "a:1,b"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a.b-c_d:65535", "a:65536"),
        ("CONTEX_URL", "https://h", "h:x"),
        ("CONTEX_URL", "http://[::1]:80/p", "http://h:port"),
        ("CONTEX_PORT", "0", "-1"),
        ("CONTEX_PORT", "65535", "65536"),
        ("CONTEX_PORT", "80", "8e1"),
        ("CONTEX_WEBHOOK_ATTEMPTS_MAX", "1", "0"),
        ("CONTEX_LOG_LEVEL", "DEBUG", "debug"),
        ("CONTEX_TENANT", "a.b_c-D1", "a/b"),
        ("CONTEX_TENANT", "t" * 64, "t" * 65),
        ("CONTEX_WEBHOOK_ALLOW", "10.0.0.0/8,fd00::/8", "10.0.0.1/8"),
        ("CONTEX_API_KEY", "0123456789abcdef", "0123456789abcde"),
        ("CONTEX_HOST", "::1", "a host"),
        ("CONTEX_SECRET_KEYS", f"{'A' * 43}=", "A" * 43),
        ("CONTEX_MODEL", "/a folder/model", ""),
    ],
)
def test_right_and_wrong_values(name: str, right: str, wrong: str) -> None:
    assert problem(BY_NAME[name], right) is None
    assert str(problem(BY_NAME[name], wrong)).startswith("expected ")


def test_every_default_is_right() -> None:
    assert read({}).problems == ()
    for setting in SETTINGS:
        assert setting.default is None or problem(setting, setting.default) is None, setting.name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CONTEX_WEBHOOKS_ALLOW", "CONTEX_WEBHOOK_ALLOW"),
        ("CONTEX_SECRET_KEY", "CONTEX_SECRET_KEYS"),
        ("contex_port", "CONTEX_PORT"),
        ("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS"),
        ("QDRANT_APIKEY", "QDRANT_API_KEY"),
        ("SCHEMA_REGISTRY_URI", "SCHEMA_REGISTRY_URL"),
        ("CONTEX_XYZZY", None),
    ],
)
def test_an_unknown_name_is_pointed_out(name: str, meant: str | None) -> None:
    [found] = unknown({name: "something"})

    assert (found.name, found.meant) == (name, meant)
    assert name in str(found)
    assert (f"did you mean {meant}?" in str(found)) is (meant is not None)


@pytest.mark.parametrize(
    "name",
    [
        "KAFKA_HEAP_OPTS",
        "KAFKA_LISTENERS",
        "QDRANT__SERVICE__API_KEY",
        "QDRANT_PORT_6334_TCP",
        "CONTEX_GATEWAY_SERVICE_HOST",
        "CONTEX_GATEWAY_PORT_8000_TCP_ADDR",
        "PATH",
        *BY_NAME,
    ],
)
def test_other_peoples_names_are_left_alone(name: str) -> None:
    assert unknown({name: "something"}) == ()


def test_a_service_link_is_left_alone_by_its_value() -> None:
    assert unknown({"CONTEX_GATEWAY_PORT": "tcp://10.0.0.1:8000"}) == ()


def test_the_catalogue_needs_no_library() -> None:
    code = (
        "import sys; from contex.settings import catalogue, reading, pages;"
        "assert not {'pydantic', 'pydantic_settings'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
