"""The pages and files of telemetry are what the catalogues say."""

import re
from pathlib import Path

import jsonschema
import pytest

from contex.telemetry import canonical, metrics
from contex.telemetry.dashboard import PANELS, dashboard
from contex.telemetry.pages import FILES, PAGES

ROOT = Path(__file__).resolve().parents[3]
LINE = {"time": "t", "level": "info", "service": "gateway", "logger": "l", "event": "routed"}
ROUTED = {**LINE, "topic": "t", "partition": 1, "outcome": "routed", "batch_records": 1}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_file_is_fresh(name: str) -> None:
    path = FILES[name]
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[name](), (
        f"{path} is not what the catalogue says; run: "
        f"python -m contex.telemetry.pages {name} > {path}"
    )


def test_every_metric_is_listed_with_its_type_and_labels() -> None:
    page = PAGES["metrics"]()
    for one in metrics.described():
        labels = ", ".join(one.labels) or "none"
        assert f"| `{one.name}` | {one.type} | {labels} |" in page


def test_every_metric_has_a_panel_and_no_panel_invents_one() -> None:
    used = set[str]()
    for panel in PANELS:
        for expression in panel.expressions.values():
            used |= set(re.findall(r"contex_[a-z_]+", expression))
    stems = {name.removesuffix("_total").removesuffix("_bucket") for name in used}

    assert stems == {one.name for one in metrics.described()}


def test_an_expression_uses_only_labels_that_its_metric_has() -> None:
    labels = {one.name: set(one.labels) for one in metrics.described()}
    for panel in PANELS:
        for expression in panel.expressions.values():
            [name] = re.findall(r"contex_[a-z_]+", expression)
            stem = name.removesuffix("_total").removesuffix("_bucket")
            by = re.search(r"by \((.*?)\)", expression)
            assert by is not None, expression
            asked = {label.strip() for label in by[1].split(",")} - {"le", ""}
            assert asked <= labels[stem], f"{expression} asks for {asked - labels[stem]}"


def test_panels_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert isinstance(panels, list)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels) == len(PANELS)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (LINE | {"event": "anything", "more": 1}, None),
        (ROUTED | {"duration_ms": 1.5, "key": "a", "told_matched": 3}, None),
        (ROUTED | {"duration_ms": 1, "trace_id": None}, None),
        (ROUTED, "'duration_ms' is a required property"),
        (ROUTED | {"duration_ms": "1"}, "is not of type 'number'"),
        (ROUTED | {"duration_ms": 1, "surprise": 1}, "'surprise' was unexpected"),
        ({"event": "anything"}, "is a required property"),
    ],
)
def test_the_schema_takes_what_is_documented_and_nothing_else(
    line: dict[str, object], wrong: str | None
) -> None:
    errors = [
        error.message
        for error in jsonschema.Draft202012Validator(canonical.schema()).iter_errors(line)
    ]
    assert (errors == []) if wrong is None else (wrong in str(errors)), errors


def test_fields_mean_the_same_in_every_line() -> None:
    types: dict[str, set[str]] = {}
    for line in canonical.LINES:
        for field in line.fields:
            types.setdefault(field.name, set()).add(field.type)
    assert {name for name, found in types.items() if len(found) > 1} == set()
