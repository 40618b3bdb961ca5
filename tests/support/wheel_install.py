"""The wheel as somebody installs it who wants the client alone: built, put into an empty venv."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300.0
MIB = 1024 * 1024


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it needs."""

    folder: Path
    seconds: float

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def command(self) -> Path:
        return self.folder / "bin" / "contex"

    @property
    def size_mib(self) -> float:
        """What it takes on the disk."""
        return sum(one.stat().st_size for one in self.folder.rglob("*") if one.is_file()) / MIB

    def libraries(self) -> set[str]:
        """Return the names of what is installed."""
        code = (
            "from importlib.metadata import distributions as d;"
            "print(*(one.metadata['Name'].lower() for one in d()))"
        )
        return set(self.run(str(self.python), "-c", code).split())

    def run(self, *command: str) -> str:
        """Run a command, far from the repository, and return what it prints."""
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def seconds_of(self, *command: str) -> float:
        """Return how long a command takes."""
        began = time.perf_counter()
        self.run(*command)
        return time.perf_counter() - began


def install(folder: Path) -> Installed:
    """Build the wheel and install it without extras, at the versions of the lock file."""
    _uv("build", "--wheel", "--out-dir", str(folder / "dist"), str(ROOT))
    [wheel] = (folder / "dist").glob("*.whl")
    venv = folder / "venv"
    _uv("venv", "--python", sys.executable, str(venv))
    began = time.perf_counter()
    _uv(
        "pip", "install", "--python", str(venv / "bin" / "python"),
        "--constraints", str(ROOT / "requirements.lock"), str(wheel),
    )  # fmt: skip
    return Installed(venv, time.perf_counter() - began)


def _uv(*arguments: str) -> None:
    uv = Path(sys.executable).parent / "uv"
    assert uv.exists(), "uv is not beside this Python: run `make check` once"
    done = subprocess.run(
        [uv, "--quiet", *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)}: {done.stderr}"
