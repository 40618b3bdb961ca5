"""Brings Kafka's jars from Maven Central: a pinned list, each verified by its SHA-256.

A jar appears in the cache under its name only when it is whole and verified, so an interrupted
download never poisons the cache and a repeated one goes on where it stopped. `python -m
contex.local.jars` resolves the list anew and prints it. Never decides which version is right.
"""

import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import IO, Final
from urllib.error import HTTPError
from urllib.request import urlopen

from contex.local.errors import DownloadFailed

KAFKA: Final = "org.apache.kafka:kafka_2.13:4.3.0"
"""The broker."""
_LOGGER: Final = "org.slf4j:slf4j-simple:1.7.36"
"""Kafka logs through slf4j and brings nothing that writes it down."""
_LOCK_FILE: Final = "kafka.lock"
_THREADS: Final = 8
_TIMEOUT_S: Final = 30
_CHUNK_BYTES: Final = 1 << 16

Progress = Callable[[int, int], None]
"""Told (bytes so far, bytes in all); called from several threads, one at a time."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned file of a Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """File name, in the repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Path inside a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


def cache_folder() -> Path:
    """Return where jars are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "contex" / "jars"


def pinned() -> tuple[Jar, ...]:
    """Return the jars that make a broker."""
    return parse(files(__package__).joinpath(_LOCK_FILE).read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Jar, ...]:
    """Read a list of jars: `group:artifact:version sha256 size` per line, # begins a comment."""
    return tuple(_jars(text.splitlines()))


def _jars(lines: Sequence[str]) -> Iterator[Jar]:
    for line in lines:
        content = line.partition("#")[0].split()
        if not content:
            continue
        coordinates, sha256, size = content
        group, artifact, version = coordinates.split(":")
        yield Jar(group, artifact, version, sha256, int(size))


def missing(jars: Sequence[Jar], cache: Path) -> list[Jar]:
    """Return the jars that the cache does not hold whole."""
    return [jar for jar in jars if _size_bytes(cache / jar.name) != jar.size_bytes]


def fetch(
    jars: Sequence[Jar],
    cache: Path,
    *,
    repository: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Return the paths of all `jars`, downloading what the cache lacks.

    Args:
        jars: what is needed.
        cache: where they are kept.
        repository: base URL of a Maven repository; Maven Central unless given.
        progress: told how the download goes on.

    Raises:
        DownloadFailed: a jar could not be brought whole; the others are kept.
    """
    if missing(jars, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache):  # whoever waited finds what the other has brought
            _download_all(missing(jars, cache), cache, repository or _central(), progress)
    return [cache / jar.name for jar in jars]


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Let one process at a time fill the cache: a repository refuses who asks too often."""
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download_all(
    jars: Sequence[Jar], cache: Path, repository: str, progress: Progress | None
) -> None:
    meter = _Meter(sum(jar.size_bytes for jar in jars), progress)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="jars")
    try:
        for done in [pool.submit(_download, jar, cache, repository, meter) for jar in jars]:
            done.result()
    finally:
        # After a failure or Ctrl-C only the downloads under way are waited for.
        pool.shutdown(cancel_futures=True)


def _central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - 0.3 s, for a first start alone

    return str(MAVEN_CENTRAL_URL)


class _Meter:
    """Adds up what several downloads report."""

    def __init__(self, total_bytes: int, progress: Progress | None) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._progress = progress
        self._lock = Lock()

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._done_bytes += size_bytes
            if self._progress is not None:
                self._progress(self._done_bytes, self._total_bytes)


def _download(jar: Jar, cache: Path, repository: str, meter: _Meter) -> None:
    url = f"{repository}/{jar.path}"
    handle, name = tempfile.mkstemp(prefix=f".{jar.name}.", suffix=".part", dir=cache)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            found = _copy(url, file, meter)
        if found != (jar.sha256, jar.size_bytes):
            raise _failed(
                url, f"expected {jar.size_bytes} bytes of SHA-256 {jar.sha256}, got {found}"
            )
        part.replace(cache / jar.name)
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise _failed(url, str(error) or type(error).__name__) from error
    finally:
        part.unlink(missing_ok=True)


def _copy(url: str, file: IO[bytes], meter: _Meter) -> tuple[str, int]:
    digest = hashlib.sha256()
    size_bytes = 0
    with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - https of a pinned repository
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
            meter.add(len(chunk))
    return digest.hexdigest(), size_bytes


def _failed(url: str, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"Apache Kafka could not be downloaded: {url}: {reason}.",
        advice="It is needed once. Check the network (behind a proxy: HTTPS_PROXY) and run the "
        "same command again; what has arrived is kept.",
    )


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def resolve(coordinates: Sequence[str], cache: Path) -> list[Jar]:
    """Resolve Maven coordinates and all they need at run time into a pinned list."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - needed to renew the list only

    context = MavenContext(repo_cache=cache)
    inputs, needed = context.resolver.resolve([context.create_dependency(c) for c in coordinates])
    return [
        Jar(
            found.groupId,
            found.artifactId,
            found.version,
            hashlib.sha256(found.artifact.resolve().read_bytes()).hexdigest(),
            found.artifact.resolve().stat().st_size,
        )
        for found in (*inputs, *needed)
        if found.scope in (None, "compile", "runtime")
    ]


def main() -> None:
    """Print the list of jars, resolved anew."""
    with tempfile.TemporaryDirectory() as folder:
        for jar in resolve([KAFKA, _LOGGER], Path(folder)):
            line = f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256} {jar.size_bytes}\n"
            sys.stdout.write(line)


if __name__ == "__main__":
    main()
