"""With which status a command ends: the whole table, for every command.

Decides numbers alone. Scripts rely on them: a number is never given another meaning.
"""

from enum import IntEnum


class Exit(IntEnum):
    """An exit status, and what a script may conclude from it."""

    OK = 0
    FAILED = 1
    """Something was refused or failed, or a check found something."""
    USAGE = 2
    """The command line, or a setting, is wrong; nothing was tried."""
    NOT_FOUND = 3
    """There is no such agent, value or revision."""
    DENIED = 4
    """No key, a wrong key, or a key that does not permit this."""
    UNAVAILABLE = 5
    """Contex, or what it depends on, did not answer: trying later may help."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it: 128 + SIGINT."""
    READER_GONE = 141
    """Nobody reads the output any more, as after `| head -1`: 128 + SIGPIPE."""
