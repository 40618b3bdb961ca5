"""What a process settles before numeric libraries load."""

import subprocess
import sys

from contex.embedding.environment import settle


def test_a_preset_kernel_is_unset() -> None:
    environ = {"OPENBLAS_CORETYPE": "Haswell", "PATH": "/bin"}
    settle(environ)
    assert "OPENBLAS_CORETYPE" not in environ
    assert environ["PATH"] == "/bin"


def test_libraries_stay_on_one_thread_unless_told_otherwise() -> None:
    environ = {"OMP_NUM_THREADS": "4"}
    settle(environ)
    assert environ["OMP_NUM_THREADS"] == "4"
    assert environ["OPENBLAS_NUM_THREADS"] == "1"
    assert environ["TOKENIZERS_PARALLELISM"] == "false"


def test_importing_it_loads_no_numeric_library() -> None:
    script = (
        "import sys, contex.embedding.environment;"
        "sys.exit(bool({'numpy', 'openvino', 'torch', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == 0, "contex.embedding.environment came too late: a library is loaded"
