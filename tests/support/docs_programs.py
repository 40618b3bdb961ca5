"""Programs that a page of the documentation uses and that are not ours: found, or fetched."""

import os
import shutil
import subprocess
from pathlib import Path

FETCH_S_MAX = 60


def kcat(folder: Path) -> dict[str, str] | None:
    """Return the environment in which `kcat` runs, or None where it cannot be had.

    Fetched from the distribution into the folder; nothing is installed.
    """
    if shutil.which("kcat"):
        return {}
    if not all(map(shutil.which, ("apt-get", "apt-cache", "dpkg", "dpkg-query"))):
        return None
    try:
        _run(folder, "apt-get", "download", *_packages(folder))
        for package in folder.glob("*.deb"):
            _run(folder, "dpkg", "-x", str(package), str(folder))
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    libraries = folder / "usr" / "lib"
    places = [*map(str, libraries.glob("*-linux-*")), os.environ.get("LD_LIBRARY_PATH", "")]
    return {
        "PATH": str(folder / "usr" / "bin"),
        "LD_LIBRARY_PATH": os.pathsep.join(place for place in places if place),
    }


def _packages(folder: Path) -> list[str]:
    """Return kcat and the packages it needs that are not installed."""
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    said = _run(
        folder, "apt-cache", "depends", "--recurse", *(f"--no-{kind}" for kind in kinds), "kcat"
    )
    needed = {line.strip() for line in said.splitlines() if line[:1].isalnum()}
    installed = set(_run(folder, "dpkg-query", "-W", "-f", "${Package}\n").splitlines())
    return sorted(needed - installed | {"kcat"})


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=FETCH_S_MAX
    ).stdout
