"""Runs a command that dies with whoever started it.

    python -I -S shim.py PARENT_PID COMMAND...

Asks the kernel (Linux) to send SIGKILL to this process when the thread that started it ends,
then becomes the command. The request survives exec, so the command itself stays as it is. The
parent may have died before the request was made: then there is a new parent already, and nothing
is started. Elsewhere than on Linux it only becomes the command.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - its whole purpose; no shell


if __name__ == "__main__":
    main()
