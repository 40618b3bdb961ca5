"""The commands and programs of the documentation, as blocks that can be run.

A block of `sh` or `python` is run as a reader would: the blocks of a page in their order, in one
terminal, against one stack. A comment `<!-- not run: why -->` on the line above a block exempts it.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from processes import unless_busy

ROOT = Path(__file__).resolve().parents[2]
BLOCK_S_MAX = 60.0
RUNNABLE = frozenset({"sh", "python"})
SHOWN = frozenset({"", "json", "yaml", "java"})
"""Fences for what is read, not run; one without a language must hold no command."""
LINKED = ("examples", "docs", "schemas", ".env.example", "docker-compose.yml")
"""What a reader has beside them, in a clone."""

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+?) -->\n)?```(?P<language>[a-z]+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FENCE = re.compile(r"^(?P<indent>\s*)(?:`{3,}|~{3,})(?P<info>.*)$")
_EXEMPTION = "<!-- not run"
_COMMAND = re.compile(r"^\s*(?:\$ |(?:sudo|pip|uv|curl|contex|python3?|make|docker|kcat|export)\s)")
_PATH = re.compile(r"\btests/[\w/.]+\w")
_PROBLEM = '"urn:contex:problem:'
_PRELUDE = """\
set -eu -o pipefail
curl() { command curl "$@" || { status=$?; [ "$status" = 28 ] || return "$status"; }; }
"""
"""A stream that is listened to for a while (`curl -m`) ends with status 28."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page that a reader would run; `line` is its fence's."""

    page: str
    line: int
    language: str
    code: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str) -> list[Block]:
    """Return the blocks of a page that a reader would run."""
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start("code")),
            language=found["language"],
            code=found["code"],
            not_run=found["why"],
        )
        for found in _BLOCK.finditer(text)
        if found["language"] in RUNNABLE
    ]


def misfits(page: str, text: str) -> list[str]:
    """Return what on a page would escape the run: read line by line, not as `blocks` reads it."""
    found = {block.line: block for block in blocks(page, text)}
    wrong: list[str] = []
    info: str | None = None
    exempt_lines = set()
    for line, words in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(words)
        if fence and info is None:
            info = fence["info"].strip()
            if fence["indent"] or info not in RUNNABLE | SHOWN:
                wrong.append(f"{page}:{line}: expected a fence of {_known()}, got {words!r}")
            elif info in RUNNABLE and line not in found:
                wrong.append(f"{page}:{line}: neither run nor exempted")
        elif fence:
            info = None
        elif info == "" and _COMMAND.match(words):
            wrong.append(f"{page}:{line}: expected a command in a fence of sh, got none")
        elif info is None and words.startswith(_EXEMPTION):
            exempt_lines.add(line + 1)
    exempted = {line for line, block in found.items() if block.not_run is not None}
    java = {text.count("\n", 0, at.start("code")) for at in _BLOCK.finditer(text) if at["why"]}
    wrong += [f"{page}:{line}: exempts no block" for line in sorted(exempt_lines - exempted - java)]
    wrong += [one for block in found.values() if block.not_run for one in _unproved(block)]
    return wrong


def _known() -> str:
    return ", ".join(sorted(RUNNABLE | SHOWN - {""}))


def _unproved(block: Block) -> list[str]:
    """Return what is wrong with the reason of an exemption."""
    named = _PATH.findall(block.not_run or "")
    return [f"{block}: there is no {path}" for path in named if not (ROOT / path).exists()]


def pages() -> dict[str, str]:
    """Return the text of every page that a reader follows, by its path in the repository."""
    found = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


class Reader:
    """Somebody who follows a page in one terminal, command by command.

    Args:
        folder: empty; they work in a folder of it that has what a clone has.
        places: what the page says, such as `localhost:8000`, and what stands for it here.
        environment: variables besides those of this process; PATH is put before its own.
    """

    def __init__(
        self, folder: Path, places: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        self.folder = folder / "clone"
        self._output = folder / "output"
        self._variables = folder / "variables"
        self._variables.touch()
        self._places = places
        programs = [environment.get("PATH"), str(Path(sys.executable).parent), os.environ["PATH"]]
        path = os.pathsep.join(one for one in programs if one)
        self._environment = {**os.environ, **environment, "PATH": path, "NO_COLOR": "1"}
        self._groups: list[int] = []
        self.folder.mkdir()
        for name in LINKED:
            if (ROOT / name).exists():
                (self.folder / name).symlink_to(ROOT / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def run(self, block: Block) -> str:
        """Run a block and return what it printed; what it leaves in the background goes on."""
        return unless_busy(lambda: self._passed(block))

    def _passed(self, block: Block) -> str:
        status, code, text = self._run(block)
        told = f":\n{code}\n--- printed:\n{text}"
        assert status == 0, f"{block}: expected status 0, got {status}{told}"
        assert _PROBLEM not in text, f"{block}: expected no problem in the answers, got one{told}"
        return text

    def _run(self, block: Block) -> tuple[int | str, str, str]:
        """Run a block once; return its status, the commands and what they printed."""
        code = block.code
        for said, meant in self._places.items():
            code = code.replace(said, meant)
        with self._output.open("w+b") as output:
            process = subprocess.Popen(
                ["bash", "-c", self._script(block.language, code)],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.append(process.pid)
            status = self._wait(process)
        text = self._output.read_text(encoding="utf-8", errors="replace")
        self._output.unlink()  # what goes on in the background writes to the old one
        return status, code, text

    def _script(self, language: str, code: str) -> str:
        variables = shlex.quote(str(self._variables))
        if language == "python":
            code = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}\n"
        return f"{_PRELUDE}. {variables}\n{code}\nexport -p >{variables}\n"

    @staticmethod
    def _wait(process: "subprocess.Popen[bytes]") -> int | str:
        try:
            return process.wait(BLOCK_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"none within {BLOCK_S_MAX:g} s"
