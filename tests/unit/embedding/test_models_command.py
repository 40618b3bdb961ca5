"""What a person reads of `contex models`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from contex.cli.models import models
from contex.embedding import download
from contex.embedding.models import DEFAULT, Progress
from contex.errors import DependencyAway


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CONTEX_MODEL", raising=False)
    return tmp_path / "contex" / "models"


@pytest.mark.usefixtures("home")
def test_path_puts_the_folder_alone_on_standard_output() -> None:
    result = CliRunner().invoke(models, ["path"])
    assert result.exit_code == 0, result.output
    assert (Path(result.stdout.strip()) / "model.safetensors").is_file()
    assert f"{DEFAULT} is in an installed Python package" in result.stderr


@pytest.mark.usefixtures("home")
def test_path_says_how_to_get_a_missing_model() -> None:
    result = CliRunner().invoke(models, ["path", "thenlper/gte-small"])
    assert result.exit_code == 5
    assert "contex models fetch thenlper/gte-small" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("home")
def test_the_environment_names_the_model() -> None:
    result = CliRunner().invoke(models, ["path"], env={"CONTEX_MODEL": "org/other"})
    assert result.exit_code == 5
    assert "org/other" in result.stderr


def test_fetch_brings_the_model_and_says_where_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(_repository: str, stage: Path, progress: Progress) -> None:
        progress("the model hub", 0, None)
        progress("the model hub", 50, 100)
        stage.mkdir()

    monkeypatch.setattr(download, "from_hub", bring)
    result = CliRunner().invoke(models, ["fetch", "thenlper/gte-small"])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(home / "thenlper--gte-small")
    assert "gte-small is in the cache" in result.stderr


@pytest.mark.usefixtures("home")
def test_fetch_says_what_failed_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(*_arguments: object) -> None:
        raise DependencyAway("the model hub does not answer: try again")

    monkeypatch.setattr(download, "from_hub", bring)
    result = CliRunner().invoke(models, ["fetch", "thenlper/gte-small"])
    assert result.exit_code == 5
    assert "Error: the model hub does not answer: try again" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", ["path", "fetch"])
def test_what_is_no_models_name_is_no_absent_dependency(command: str) -> None:
    result = CliRunner().invoke(models, [command, "three/part/name"])
    assert result.exit_code == 1
    assert "three/part/name" in result.stderr
