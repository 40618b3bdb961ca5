"""The documentation agrees with the code: no dead link, nothing missing, nothing made up."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

import schemas
from contex.index.schema import Schema
from contex.settings.catalogue import SETTINGS
from contex.telemetry.metrics import described
from gateway.routes import ROUTES
from topology.catalogue import TOPICS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PAGE_LINES_MAX = 200

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"`((?:CONTEX|KAFKA|QDRANT|SCHEMA)_[A-Z_]+)`")
_TOPIC = re.compile(r"`(contex\.[a-z0-9.-]+)`")
_SUBJECT_SUFFIX = "-value"
_PATH = re.compile(r"^\| (?P<methods>[A-Z]+) \| (?P<paths>.*?) \|", re.MULTILINE)
_METRIC = re.compile(r"`(contex_[a-z_]+)`")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as repository hosts make them."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading["text"].lower()).replace(" ", "-")
        for heading in _HEADING.finditer(text)
    }


def variables() -> set[str]:
    """Return the variables that processes read."""
    return {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_resolve(path: Path) -> None:
    dead = []
    for link in _LINK.finditer(_FENCED.sub("", path.read_text(encoding="utf-8"))):
        name, _, anchor = link["target"].partition("#")
        if ":" in name:
            continue
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link["target"])

    assert dead == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_stays_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= PAGE_LINES_MAX


def test_every_page_is_found_from_the_first_one() -> None:
    linked = {found["target"] for found in _LINK.finditer((ROOT / "README.md").read_text("utf-8"))}
    pages = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.*")}

    assert pages <= linked, f"README.md links to no {sorted(pages - linked)}"


def test_each_promise_names_a_test_that_is_marked_with_it() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in (ROOT / "README.md").read_text("utf-8").splitlines()
        if re.match(r"\| \d \|", line)
    ]
    headings = re.findall(r"^## (\d)\.", page("guarantees.md"), re.MULTILINE)
    assert [number for number, *_ in rows] == headings
    for number, _, proofs, story in rows:
        for proof in _LINK.finditer(proofs):
            text = (ROOT / proof["target"]).read_text(encoding="utf-8")
            assert f"promise({number})" in text, f"{proof['target']} does not prove {number}"
        assert f"(docs/guarantees.md#{number}-" in story, f"expected {number}'s story, got {story}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_invents_a_setting(path: Path) -> None:
    assert set(_VARIABLE.findall(path.read_text(encoding="utf-8"))) <= variables()


def test_the_example_in_plain_python_writes_the_newest_schemas_under_their_own_ids() -> None:
    newest = {one.record: one.schema_id for one in schemas.pinned()}
    written = re.search(r"^IDS = (?P<ids>.*)$", page("topics.md"), re.MULTILINE)
    assert written is not None
    ids = ast.literal_eval(written["ids"])

    assert ids == {record: newest[record] for record in ids}
    for record, number in newest.items():
        assert f"{number} `{record}`" in page("topics.md")


def test_every_topic_is_documented_and_no_other() -> None:
    named = {
        name for name in _TOPIC.findall(page("topics.md")) if not name.endswith(_SUBJECT_SUFFIX)
    }

    assert named == {topic.name for topic in TOPICS}


def test_a_topic_is_told_with_its_schema_cleanup_and_partitions() -> None:
    rows = [line for line in page("topics.md").splitlines() if line.startswith("| `contex.")]
    for topic in TOPICS:
        (row,) = [row for row in rows if f"`{topic.name}`" in row]
        cells = [cell.strip().strip("`") for cell in row.strip("|").split("|")]
        assert cells[2] == (topic.schema or "raw bytes"), topic.name
        assert cells[3] == topic.cleanup, topic.name
        assert cells[5].removesuffix(" each") == str(topic.partitions), topic.name


def test_every_route_is_documented_and_no_other() -> None:
    named = {
        (row["methods"], path)
        for row in _PATH.finditer(page("api.md"))
        for path in re.findall(r"`([^`]+)`", row["paths"])
    }

    assert named == {(route.method, route.path.replace(":.+", "")) for route in ROUTES}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_invents_a_metric(path: Path) -> None:
    suffixes = ("", "_total", "_bucket", "_sum", "_count")
    names = {f"{one.name}{suffix}" for one in described() for suffix in suffixes}

    assert set(_METRIC.findall(path.read_text(encoding="utf-8"))) <= names


def test_all_collections_of_an_index_are_named_to_who_deletes_them() -> None:
    [told] = re.findall(
        r"\*\*all four\*\* of its collections \((.*?)\),", page("operating.md"), re.DOTALL
    )
    kinds = {one.name for one in fields(Schema) if not one.init}
    assert set(re.findall(r"`(\w+)`", told)) == kinds
    assert len(kinds) == len(Schema("any", 1).collections) == 4
