"""A real schema registry, Apicurio, as one child process: for tests, and on request.

Restarts keep what was registered. Decides its version and its configuration, nothing about schemas.
"""

import shutil
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contex.local.errors import ChildFailed
from contex.local.jars import Jar, Progress, cache_folder, fetch
from contex.local.java import find_java
from contex.local.ports import LOOPBACK, check_free, free_ports
from contex.local.probes import http_answers
from contex.local.process import Child, Command, describe_exit, tail

_API: Final = "/apis/ccompat/v7"
_START_TIMEOUT_S: Final = 90.0
_STOP_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.05
_HEAP_MIB: Final = 256


@dataclass(frozen=True, slots=True)
class _Archive(Jar):
    """The registry's distribution: a folder of jars, packed."""

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}-all.tar.gz"


_APICURIO: Final = _Archive(
    group="io.apicurio",
    artifact="apicurio-registry-app",
    version="3.3.3",
    sha256="8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63",
    size_bytes=158_577_952,
)


class Registry:
    """One registry. `start` after `kill` or `stop` knows the same schemas on the same port.

    Args:
        data: the folder of its log, and of its schemas.
        port: where it answers; a free one when left out.
        environment: its own variables, which say where it keeps schemas instead of in the folder.
    """

    def __init__(
        self,
        data: Path,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._data = data.absolute()
        self._environment = environment
        free = free_ports(2)
        self._port = port or free[0]
        self._management_port = free[1]
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where clients find Confluent's interface."""
        return f"http://{LOOPBACK}:{self._port}{_API}"

    def start(self, progress: Progress | None = None) -> None:
        """Start it and return when it answers; the first time ever, download and unpack it.

        Raises:
            DownloadFailed: it could not be downloaded.
            PortTaken: somebody else listens on its port.
            ChildFailed: it ended or did not answer in time.
        """
        check_free(self._port, "The schema registry", "port")
        folder = _unpacked(cache_folder(), progress)
        log = self._data / "registry.log"
        command = Command(self._command(folder), log, self._environment or {})
        self._child = Child(command)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not http_answers(self._port, f"{_API}/subjects"):
            returncode = self._child.returncode()
            if returncode is not None or time.monotonic() > deadline:
                self._child.kill()
                how = "did not answer" if returncode is None else describe_exit(returncode)
                lines = "\n".join(f"  {line}" for line in tail(command.log))
                raise ChildFailed(
                    f"The schema registry {how}.\n{lines}",
                    advice=f"The whole log is {command.log}.",
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it in order, or by force when it takes too long."""
        if self._child is not None:
            self._child.stop(_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if self._child is not None:
            self._child.kill()

    def _command(self, folder: Path) -> list[str]:
        settings = {
            "quarkus.http.host": LOOPBACK,
            "quarkus.http.port": self._port,
            "quarkus.management.host": LOOPBACK,
            "quarkus.management.port": self._management_port,
        }
        if self._environment is None:
            settings |= {
                "apicurio.rules.global.compatibility": "BACKWARD_TRANSITIVE",
                "apicurio.storage.sql.kind": "h2",
                "apicurio.datasource.url": f"jdbc:h2:file:{self._data / 'storage' / 'registry'}",
                "apicurio.datasource.jdbc.initial-size": 2,
                "apicurio.datasource.jdbc.min-size": 2,
            }
        return [
            str(find_java()),
            f"-Xmx{_HEAP_MIB}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            *(f"-D{name}={value}" for name, value in settings.items()),
            "-jar",
            str(folder / "quarkus-run.jar"),
        ]


def _unpacked(cache: Path, progress: Progress | None) -> Path:
    """Return the folder of the unpacked distribution, which appears only when it is whole."""
    folder = cache / _APICURIO.name.removesuffix(".tar.gz")
    if not folder.is_dir():
        (archive,) = fetch([_APICURIO], cache, progress=progress)
        unfinished = Path(tempfile.mkdtemp(prefix=".apicurio.", dir=cache))
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(unfinished, filter="data")
            unfinished.rename(folder)
            archive.unlink(missing_ok=True)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder
