"""The page of the command line names every command, every exit status, and no other."""

import re
from pathlib import Path

from contex.cli.exits import Exit
from contex.cli.main import _targets

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def test_every_command_is_documented_and_no_other() -> None:
    named = set(re.findall(r"^\| `contex ([a-z-]+)` \|", PAGE, re.MULTILINE))
    assert named == set(_targets())


def test_every_exit_status_is_documented_and_no_other() -> None:
    named = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert named == set(Exit)
