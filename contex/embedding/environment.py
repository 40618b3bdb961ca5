"""Settles what numeric libraries read from the environment when they load.

Decides thread counts and CPU kernels for a process. `settle(os.environ)` is the first statement
of every process entry point, before anything imports numpy: the libraries read their variables
once, when they load. Never imports one of them.
"""

from collections.abc import MutableMapping

_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def settle(environ: MutableMapping[str, str]) -> None:
    """Unset a preset BLAS kernel and, unless told otherwise, keep numeric libraries on one thread.

    A preset `OPENBLAS_CORETYPE` halves the speed of newer CPUs. Threads that share cores with
    other processes spin at barriers: ten to a hundred times slower than one thread.
    """
    environ.pop("OPENBLAS_CORETYPE", None)
    for name in _SINGLE_THREADED:
        environ.setdefault(name, "1")
    environ.setdefault("TOKENIZERS_PARALLELISM", "false")
