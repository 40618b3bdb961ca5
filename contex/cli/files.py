"""Files to publish: which ones, under which keys, in which format, and what each one says.

Decides what is left out: hidden files, folders that are links, bytes that are not text. Publishes
nothing, and reads a file only when it is its turn: a folder of any size fits into memory.
"""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from contex.cli.labels import meant
from contex.records.publication import VALUE_BYTES_MAX

FILES_MAX: Final = 100_000

FORMATS: Final[Mapping[str, str]] = {
    **dict.fromkeys((".json", ".geojson", ".ipynb"), "json"),
    **dict.fromkeys((".jsonl", ".ndjson"), "ndjson"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    ".toml": "toml",
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys((".xml", ".xsd", ".svg"), "xml"),
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".txt", ".text", ".log", ".rst"), "text"),
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".tsx"), "typescript"),
    ".java": "java",
    ".go": "go",
    ".rs": "rust",
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp"), "cpp"),
    ".rb": "ruby",
    **dict.fromkeys((".sh", ".bash", ".zsh"), "shell"),
    ".sql": "sql",
}
"""What a file's ending says about it. Any other is left to the gateway, which looks at the text."""

_GLOB_MARKS: Final = frozenset("*?[")


class Unusable(Exception):
    """Arguments that name no files, or files that cannot be published together.

    Attributes:
        advice: what to do instead.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class NotText(Exception):
    """A file that holds something else than UTF-8 text."""


class TooLarge(Exception):
    """A file that is larger than a value may be."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to publish.

    Attributes:
        named: whether the file itself was asked for, not a folder that holds it.
    """

    path: Path
    data_key: str
    named: bool = False


@dataclass(slots=True)
class Gathered:
    """What the arguments stand for.

    Attributes:
        links: how many links to folders, links to nothing and devices were left out.
    """

    sources: list[Source] = field(default_factory=list)
    links: int = 0
    hidden: int = 0
    excluded: int = 0


@dataclass(frozen=True, slots=True)
class Naming:
    """How a file's path becomes its key.

    Attributes:
        base: keys are relative to this folder; None: to the working folder, or, for what is
            outside of it, to the folder in which the argument stands.
    """

    base: Path | None = None
    prefix: str = ""
    strip_extension: bool = False

    def key(self, path: Path, argument: Path) -> str:
        """Return the key of the file `path`, found by way of `argument`.

        Raises:
            Unusable: the file is not below the base.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
        base = Path(os.path.abspath(self.base or "."))  # noqa: PTH100 - as above
        if not absolute.is_relative_to(base):
            if self.base is not None:
                raise Unusable(f"{path} is not below the --base folder {self.base}")
            base = Path(os.path.abspath(argument)).parent  # noqa: PTH100 - as above
        relative = absolute.relative_to(base)
        if self.strip_extension:
            relative = relative.with_suffix("")
        return self.prefix + relative.as_posix()


def are_files(arguments: Sequence[str]) -> bool:
    """Say whether each argument is a file, a folder, or a pattern that finds some."""
    return all(exists(one) or _is_pattern(one) for one in arguments)


def exists(argument: str) -> bool:
    """Say whether there is such a file or folder; what is too long for a name is none."""
    return os.path.exists(argument)  # noqa: PTH110 - Path.exists raises for a text of 300 letters


def similar(argument: str) -> str:
    """Return a question that names what stands there under a similar name, or nothing."""
    path = Path(argument)
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names alone
    except OSError:
        return ""
    return meant(path.name, names).strip()


def gather(arguments: Sequence[str], naming: Naming, exclude: Sequence[str] = ()) -> Gathered:
    """Find the files that `arguments` stand for, in a fixed order, each once.

    Raises:
        Unusable: an argument finds nothing, or two files would have one key.
    """
    gathered = Gathered()
    keys: dict[str, Path] = {}
    for argument in arguments:
        for path, top in _found(argument, gathered):
            if any(fnmatch(path.as_posix(), one) or fnmatch(path.name, one) for one in exclude):
                gathered.excluded += 1
                continue
            source = Source(path, naming.key(path, top), named=path == top)
            rival = keys.setdefault(source.data_key, path)
            if rival is not path:
                if rival.absolute() == path.absolute():
                    continue
                raise Unusable(
                    f"{rival} and {path} would both be published as {source.data_key!r}",
                    "Publish them one after the other with another --prefix or --base.",
                )
            gathered.sources.append(source)
            if len(gathered.sources) > FILES_MAX:
                raise Unusable(f"more than {FILES_MAX:,} files", "Publish them folder by folder.")
    return gathered


def read_text(path: Path) -> str:
    """Return what a file says.

    Raises:
        OSError: it cannot be read.
        TooLarge: it is larger than a value may be; it is not read to the end.
        NotText: it is not UTF-8, or has zero bytes.
    """
    with path.open("rb") as file:
        content = file.read(VALUE_BYTES_MAX + 1)
    if b"\0" in content:
        raise NotText("has zero bytes: it is no text")
    # A pipe has no size of its own: what was read counts as well.
    check_size(max(len(content), path.stat().st_size) if len(content) > VALUE_BYTES_MAX else 0)
    return as_text(content)


def check_size(size_bytes: int) -> None:
    """Refuse what is larger than a value may be.

    Raises:
        TooLarge: with both numbers.
    """
    if size_bytes > VALUE_BYTES_MAX:
        raise TooLarge(f"has {size_bytes:,} bytes; a value may have {VALUE_BYTES_MAX:,}")


def as_text(content: bytes) -> str:
    """Return `content` as text.

    Raises:
        NotText: it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText(f"is not UTF-8 text (byte {error.start:,})") from error


def format_of(path: Path) -> str | None:
    """Return the format that a file's ending tells, or None."""
    return FORMATS.get(path.suffix.lower())


def _is_pattern(argument: str) -> bool:
    return not _GLOB_MARKS.isdisjoint(argument)


def _found(argument: str, gathered: Gathered) -> Iterator[tuple[Path, Path]]:
    """Yield each file of one argument, and the named file or folder it was found by."""
    named = Path(argument)
    if exists(argument):
        tops = [named]
    elif _is_pattern(argument):
        tops = [Path(one) for one in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
    else:
        tops = []
    if not tops:
        raise Unusable(
            f"the pattern {argument!r} matches no file"
            if _is_pattern(argument)
            else f"there is no file or folder {argument!r}",
            "A key and a text that look like patterns: contex publish KEY --value TEXT.",
        )
    for top in tops:
        if top.is_dir():
            for path in _below(top, gathered):
                yield path, top
        else:
            yield top, top


def _below(folder: Path, gathered: Gathered) -> Iterator[Path]:
    unreadable: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=unreadable.append):
        seen = sorted(name for name in folders if not name.startswith("."))
        gathered.hidden += len(folders) - len(seen)
        gathered.links += sum(Path(where, name).is_symlink() for name in seen)
        folders[:] = seen
        for name in sorted(names):
            path = Path(where, name)
            if name.startswith("."):
                gathered.hidden += 1
            elif path.is_file():
                yield path
            else:
                gathered.links += 1
    # Told like a file that cannot be read: by name, with the reason.
    yield from (Path(error.filename) for error in unreadable)
