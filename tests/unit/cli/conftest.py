"""The command line against a gateway of canned answers."""

import pytest
from cli_gateway import CommandLine, command_line


@pytest.fixture
def contex(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(monkeypatch)
