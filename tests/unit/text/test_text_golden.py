"""Each file of `golden/` makes exactly the passages written beside it, one per line.

After a wanted change, raise `RECIPE`, write them anew and read the difference:

    GOLDEN_WRITE=1 .venv/bin/python -m pytest tests/unit/text/test_text_golden.py
    git diff tests/unit/text/golden
"""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contex.records import Value
from contex.text import TOKENS_MAX, parse, passages

GOLDEN = Path(__file__).parent / "golden"
SUFFIX = ".passages"
CONTENT_TYPES = {
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".toml": "application/toml",
    ".csv": "text/csv",
    ".xml": "application/xml",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".txt": "text/plain",
}
FILES = sorted(path for path in GOLDEN.iterdir() if path.suffix in CONTENT_TYPES)


def test_every_format_has_a_golden_file() -> None:
    assert {path.suffix for path in FILES} == set(CONTENT_TYPES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_golden_passages(path: Path, tokens: Callable[[str], int]) -> None:
    value = Value(path.read_bytes(), CONTENT_TYPES[path.suffix])
    got = passages(f"examples/{path.name}", parse(value), tokens).texts
    expected_path = path.with_name(path.name + SUFFIX)
    if os.environ.get("GOLDEN_WRITE"):
        expected_path.write_text("".join(f"{passage}\n" for passage in got))
    expected = expected_path.read_text().splitlines()
    difference = "\n".join(
        difflib.unified_diff(expected, list(got), "expected", "got", lineterm="")
    )
    assert not difference, (
        f"{path.name} makes other passages (see this file's docstring):\n{difference}"
    )
    assert max(map(tokens, got)) <= TOKENS_MAX


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_undeclared_golden_files_are_read_as_what_they_are(path: Path) -> None:
    declared = parse(Value(path.read_bytes(), CONTENT_TYPES[path.suffix]))
    detected = parse(Value(path.read_bytes()))
    assert detected == declared, f"expected {declared.format}, got {detected.format}"
