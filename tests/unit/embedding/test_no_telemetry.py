"""A server tells nobody of its use: the library's own reporting is off, and writes no file."""

import os
import subprocess
import sys
from pathlib import Path

OPEN = (
    "import sys; from contex.embedding.factory import open_embedder;"
    "from contex.settings import Settings; open_embedder(Settings());"
    "assert not sys.modules.get('openvino_telemetry')"
)


def test_opening_the_embedder_reports_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    subprocess.run([sys.executable, "-c", OPEN], env=environ, check=True)

    assert list(tmp_path.iterdir()) == []
