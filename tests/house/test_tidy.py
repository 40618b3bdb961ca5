"""The house is kept: sizes, words, docstrings, catalogues. The numbers are those of the best code
bases of the field: median file 80-250 lines, functions short, one broad except per 1,000 lines."""

import ast
import re
import statistics
from pathlib import Path

from house_reading import LIBRARY, ROOT, library, sources

FILE_LINES_MAX = 400
FILE_LINES_MEDIAN_MAX = 150
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_P90_MAX = 35
LINES_PER_BROAD_EXCEPT_MIN = 700
TESTS_TO_CODE_MIN = 0.8

PRINTING = ("contex/cli/", "topology/commands/", "gateway/commands.py")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".json", ".avsc", ".yml", ".yaml", ".txt", ""}
UNWANTED = re.compile(
    r"\b(TODO|FIXME|XXX)\b|/(work|farm)/|issue #?\d|site-packages/[a-z]"
    r"|pythonhosted|repo1?\.maven|pypi\.org"
)


def test_files_are_small() -> None:
    lengths = {source.name: source.lines for source in library()}
    assert [name for name, lines in lengths.items() if lines > FILE_LINES_MAX] == []
    written = [lines for lines in lengths.values() if lines > 5]
    assert statistics.median(written) <= FILE_LINES_MEDIAN_MAX


def test_functions_are_short() -> None:
    lengths = dict(length for source in library() for length in source.functions())
    assert [name for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX] == []
    p90 = statistics.quantiles(lengths.values(), n=10)[-1]
    assert p90 <= FUNCTION_LINES_P90_MAX


def test_every_file_says_what_it_is_for() -> None:
    silent = [source.name for source in library() if not ast.get_docstring(source.tree)]
    assert silent == []


def test_nothing_prints_but_the_command_line() -> None:
    printing = [
        source.name
        for source in library()
        if not source.name.startswith(PRINTING) and _calls(source.tree, "print")
    ]
    assert printing == []


def _calls(tree: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(tree)
    )


def test_broad_excepts_are_rare_and_argued() -> None:
    broad = [
        f"{source.name}:{number}"
        for source in library()
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(r"except (Base)?Exception\b", line)
    ]
    lines = sum(source.lines for source in library())
    assert len(broad) <= max(1, lines / LINES_PER_BROAD_EXCEPT_MIN), broad


def test_every_lint_exception_has_its_reason() -> None:
    bare = [
        f"{source.name}:{number}: {line.strip()}"
        for source in sources(*LIBRARY, "tests", "benchmarks", "examples")
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(r"# noqa(?!: [A-Z0-9, ]+ - \S)", line) and "re.search" not in line
    ]
    assert bare == []


def test_tests_are_about_as_long_as_the_code() -> None:
    code = sum(source.lines for source in library())
    tests = sum(source.lines for source in sources("tests"))
    assert tests >= TESTS_TO_CODE_MIN * code, f"{tests} lines of tests for {code} of code"


def test_no_unwanted_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _committed_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNWANTED.search(line)
    ]
    assert found == []


def _committed_texts() -> list[Path]:
    ignored = {".git", ".venv", ".contex", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    ignored |= {".hypothesis", "dist", "build", "__pycache__"}
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and path.suffix in TEXT_SUFFIXES
        and not ignored & set(path.relative_to(ROOT).parts)
        and path != Path(__file__)
        and "golden" not in path.parts
    ]


def test_topics_are_named_in_their_catalogue_alone() -> None:
    from topology.catalogue import TOPICS

    names = {topic.name for topic in TOPICS}
    literals = {
        (source.name, node.value)
        for source in library()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and node.value in names
    }
    catalogue, public = "topology/catalogue.py", "contex/records/topics.py"
    assert {name for name, _ in literals} == {catalogue, public}
    assert len(literals) == len({name for _, name in literals}), "a name stands in both"


def test_metrics_are_named_in_their_catalogue_alone() -> None:
    metric = re.compile(r"contex_[a-z_]+(_seconds|_total|_records|_texts)?")
    literals = {
        (source.name, node.value)
        for source in library()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and metric.fullmatch(node.value)
    }
    assert {name for name, _ in literals} <= {"contex/telemetry/metrics.py"}, literals


def test_every_promise_has_a_test_on_the_real_kafka() -> None:
    marked = {
        int(number)
        for source in sources("tests/pipeline", "tests/faults")
        for number in re.findall(r"pytest\.mark\.promise\((\d)\)", source.text)
    }
    assert marked == set(range(1, 9))
