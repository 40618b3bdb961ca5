"""Where weights are looked for, and what is said when they are not there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contex.embedding import download, models
from contex.embedding.models import DEFAULT, Progress, fetch, locate, repository_of
from contex.errors import DependencyAway, InvalidValue


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and no weights package."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "PACKAGE", "no_such_package_is_installed")
    return tmp_path / "cache" / "contex" / "models"


def silent(source: str, done_bytes: int, total_bytes: int | None) -> None:
    """Show no progress."""


def brought(*sources: str, leftover: bool = False) -> Any:
    """Return a download that only the named sources survive, and what was asked of it.

    One that fails leaves a folder behind where `leftover` says so.
    """
    asked: list[str] = []

    def of(name: str) -> Any:
        def bring(*arguments: Any) -> None:
            asked.append(name)
            stage = next(part for part in arguments if isinstance(part, Path))
            if name not in sources:
                if leftover:
                    stage.mkdir()
                raise DependencyAway(f"{name} is away")
            stage.mkdir()
            (stage / "config.json").write_text("{}")

        return bring

    return of, asked


@pytest.mark.usefixtures("cache")
def test_a_folder_is_taken_as_it_is(model_folder: Any) -> None:
    found = locate(str(model_folder.path))
    assert (found.path, found.source, found.name) == (model_folder.path, "path", "tiny-bert")


def test_the_installed_package_serves_the_default_by_both_its_names() -> None:
    for name in (DEFAULT, f"sentence-transformers/{DEFAULT}"):
        found = locate(name)
        assert found.source == "package"
        assert found.name == DEFAULT
        assert (found.path / "model.safetensors").is_file()


def test_the_package_is_no_other_model() -> None:
    with pytest.raises(DependencyAway):
        locate(f"somebody-else/{DEFAULT}")


def test_the_cache_serves_what_was_fetched(cache: Path) -> None:
    place = cache / "thenlper--gte-small"
    place.mkdir(parents=True)
    found = locate("thenlper/gte-small")
    assert (found.path, found.source, found.name) == (place, "cache", "gte-small")


@pytest.mark.usefixtures("cache")
def test_a_missing_model_says_how_to_get_it() -> None:
    with pytest.raises(DependencyAway, match="contex models fetch all-MiniLM-L6-v2"):
        locate(DEFAULT)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["", "a/b/c", "/no/such/folder", "../up", "a b", "-x", "x/-y"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="neither a folder") as refused:
        locate(name)
    assert refused.value.field == "CONTEX_MODEL"


def test_a_name_without_organisation_belongs_to_the_usual_one() -> None:
    assert repository_of("all-MiniLM-L12-v2") == "sentence-transformers/all-MiniLM-L12-v2"
    assert repository_of("thenlper/gte-small") == "thenlper/gte-small"


def test_a_relative_cache_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert models.cache_folder() == Path.home() / ".cache" / "contex" / "models"


@pytest.mark.usefixtures("cache")
def test_fetching_what_is_here_asks_nobody(
    monkeypatch: pytest.MonkeyPatch, model_folder: Any
) -> None:
    of, asked = brought()
    monkeypatch.setattr(download, "from_hub", of("hub"))
    assert fetch(str(model_folder.path), silent).source == "path"
    assert asked == []


@pytest.mark.parametrize("leftover", [False, True])
@pytest.mark.parametrize(("answering", "expected"), [("hub", ["hub"]), ("index", ["hub", "index"])])
def test_the_default_falls_back_to_the_package_index(
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    answering: str,
    expected: list[str],
    leftover: bool,
) -> None:
    of, asked = brought(answering, leftover=leftover)
    monkeypatch.setattr(download, "from_hub", of("hub"))
    monkeypatch.setattr(download, "from_package_index", of("index"))
    found = fetch(DEFAULT, silent)
    assert found.path == cache / "sentence-transformers--all-MiniLM-L6-v2"
    assert asked == expected
    assert locate(DEFAULT) == found


def test_other_models_have_no_second_source(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of, asked = brought("index")
    monkeypatch.setattr(download, "from_hub", of("hub"))
    monkeypatch.setattr(download, "from_package_index", of("index"))
    with pytest.raises(DependencyAway, match="hub is away"):
        fetch("thenlper/gte-small", silent)
    assert asked == ["hub"]
    assert list(cache.iterdir()) == [], "a failed download left something behind"


def test_a_process_that_was_faster_wins(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(repository: str, stage: Path, _progress: Progress) -> None:
        stage.mkdir()
        rival = cache / repository.replace("/", "--")
        rival.mkdir()
        (rival / "rival").touch()

    monkeypatch.setattr(download, "from_hub", bring)
    found = fetch(DEFAULT, silent)
    assert (found.path / "rival").exists()
    assert [path.name for path in cache.iterdir()] == [found.path.name]


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DependencyAway, match="XDG_CACHE_HOME"):
        fetch("thenlper/gte-small", silent)


def test_saying_where_a_model_is_needs_no_third_party_library() -> None:
    script = (
        "import sys, contex.embedding.models;"
        "sys.exit(bool({'numpy', 'openvino', 'huggingface_hub', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == 0, "contex.embedding.models loads a third-party library"
