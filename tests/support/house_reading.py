"""How the house tests read the code: files, functions and imports, by the syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ("schemas", "topology", "contex", "workers", "gateway")


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def imports(self) -> Iterator[str]:
        """Yield every module that is imported, anywhere in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield name and length in lines of every function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{self.name}:{node.name}", node.end_lineno - node.lineno + 1


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below the folders, in order."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        Source(path, text, ast.parse(text))
        for path in paths
        for text in [path.read_text(encoding="utf-8")]
    )


def library() -> tuple[Source, ...]:
    """Return the files that are shipped."""
    return sources(*LIBRARY)
