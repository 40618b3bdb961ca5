"""Settings explained: every one, where it comes from, what is wrong, and never a secret."""

import json
import os

import pytest
from click.testing import CliRunner, Result

from contex.cli.main import main
from contex.settings.catalogue import SETTINGS
from contex.settings.pages import env_example, markdown


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CONTEX_", "KAFKA_", "QDRANT_", "SCHEMA_")):
            monkeypatch.delenv(name)


def settings(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["settings", *arguments], env=env)


def test_every_setting_is_explained() -> None:
    result = settings()
    assert result.exit_code == 0
    for setting in SETTINGS:
        assert f"{setting.name} = " in result.stdout
    assert f"{len(SETTINGS)} settings: 0 from the environment, 0 wrong." in result.stdout


def test_what_is_set_is_told_with_its_origin() -> None:
    result = settings("--set", CONTEX_PORT="8001")
    assert "CONTEX_PORT = 8001  (environment)" in result.stdout
    assert "1 setting: 1 from the environment, 0 wrong." in result.stdout
    assert "CONTEX_HOST" not in result.stdout


def test_a_wrong_value_is_named_and_ends_with_1() -> None:
    result = settings("contex_port", CONTEX_PORT="front door")
    assert result.exit_code == 1
    assert "Wrong: expected a whole number from 0 to 65535, got 'front door'" in result.stdout


def test_a_name_that_nothing_reads_is_guessed() -> None:
    result = settings(CONTEX_PROJCT="demo")
    assert result.exit_code == 0
    assert "did you mean CONTEX_PROJECT?" in result.stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_secret_is_never_shown(form: list[str]) -> None:
    result = settings(
        *form,
        CONTEX_API_KEY="a-secret-key",
        SCHEMA_REGISTRY_URL="http://user:a-secret-password@registry",
        CONTEX_SECRET_KEYS="not-a-secret-key",
    )
    assert "secret-key" not in result.output
    assert "a-secret-password" not in result.output
    assert "(hidden)" in result.stdout


def test_json_says_all_of_it() -> None:
    told = json.loads(settings("--json", "CONTEX_PORT", CONTEX_PORT="8001").stdout)
    (port,) = told["settings"]
    assert (port["value"], port["origin"], port["unit"]) == ("8001", "environment", "port")
    assert port["problem"] is None


def test_a_process_reads_its_own() -> None:
    told = json.loads(settings("--json", "--process", "client").stdout)
    assert [one["name"] for one in told["settings"]] == [
        "CONTEX_API_KEY",
        "CONTEX_URL",
        "CONTEX_PROJECT",
    ]


@pytest.mark.parametrize(
    ("form", "page"), [("--markdown", markdown), ("--env-example", env_example)]
)
def test_the_generated_files_are_printed_as_they_are(form: str, page: object) -> None:
    assert callable(page)
    assert settings(form).stdout == page()


def test_help_of_one_that_is_misspelt_names_those_there_are() -> None:
    result = settings("CONTEX_PROT")
    assert result.exit_code == 2
    assert "CONTEX_PORT" in result.stderr
