"""How long it takes until somebody has the client, and until it answers: install, import, --help.

PYTHONPATH=tests/support python -m benchmarks.install
"""

import statistics
import tempfile
from pathlib import Path

from wheel_install import Installed, install

RUNS = 9


def main() -> None:
    """Install once and print the median of several runs of each command."""
    with tempfile.TemporaryDirectory() as folder:
        installed = install(Path(folder))
        print(
            f"install from a warm cache: {installed.seconds:.1f} s, {installed.size_mib:.0f} MiB,"
            f" {len(installed.libraries())} packages"
        )
        python = str(installed.python)
        bare_s = median_s(installed, python, "-c", "pass")
        print(f"python alone: {bare_s * 1000:.0f} ms")
        for code in ("import contex", "from contex import Contex"):
            took_s = median_s(installed, python, "-c", code) - bare_s
            print(f"{code}: {took_s * 1000:.0f} ms more")
        help_s = median_s(installed, str(installed.command), "--help")
        print(f"contex --help: {help_s * 1000:.0f} ms")


def median_s(installed: Installed, *command: str) -> float:
    """Return the median time of a command, after one run that compiles."""
    installed.run(*command)
    return statistics.median(installed.seconds_of(*command) for _ in range(RUNS))


if __name__ == "__main__":
    main()
