"""How a worker ends when it must not go on.

A process that exits hard commits nothing more: what it had taken is taken again by another. That is
why every one of these is safe, and why an exception that Faust would acknowledge is not.
"""

import logging
import os
import threading
from typing import NoReturn

EXIT_BUG = 70
EXIT_TOO_MANY_DEAD_LETTERS = 72
EXIT_DEPENDENCY_AWAY = 75
EXIT_SETTINGS = 78
LAST_WORDS_S_MAX = 5.0

_log = logging.getLogger(__name__)


def end_unheard(status: int) -> None:
    """See that the process ends even if nobody takes its last words.

    A full pipe holds whoever writes to it, and with them the lock of whoever else would log.
    """
    clock = threading.Timer(LAST_WORDS_S_MAX, os._exit, [status])
    clock.daemon = True
    clock.start()


def exit_hard(status: int, reason: str) -> NoReturn:
    """Log why and end the process at once, without commits and without clean-up."""
    end_unheard(status)
    level = logging.CRITICAL if status else logging.INFO
    _log.log(level, "exiting with status %d: %s", status, reason)
    logging.shutdown()
    os._exit(status)
