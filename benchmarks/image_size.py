"""How large the image is, without a container engine: built by the Dockerfile's own scripts.

Measured: the virtual environment with Contex and the model's weights, which is everything that the
image adds to its base. Not measured: the base image, which a registry would have to be asked for.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("dependencies.sh", "install.sh")
LISTED = 12
MIB = 1024 * 1024


def size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files below a folder, links not followed."""
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())


@click.command()
@click.option("--python", default=sys.executable, help="Interpreter; the image has 3.12.")
def main(*, python: str) -> None:
    """Build the image's environment in a scratch folder and print its size."""
    scripts = ROOT / "infra" / "docker"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "contex"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "PYTHON": python}
        for name in STEPS:
            command = ["sh", str(scripts / name), str(ROOT), str(target)]
            subprocess.run(command, env=environ, check=True)
        packed = Path(folder) / "contex.tar.gz"
        with tarfile.open(packed, "w:gz") as archive:
            archive.add(target)
        total, gzipped = size_bytes(target) / MIB, packed.stat().st_size / MIB
        print(f"/opt/contex: {total:.0f} MiB, {gzipped:.0f} MiB when packed as a layer")
        [packages] = target.glob("lib/python*/site-packages")
        largest = sorted(((size_bytes(one), one.name) for one in packages.iterdir()), reverse=True)
        for size, name in largest[:LISTED]:
            print(f"  {size / MIB:6.1f} MiB  {name}")


if __name__ == "__main__":
    main()
