"""The catalogue of metrics is documented and its labels are bounded."""

import ast
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from contex.telemetry import metrics

FORBIDDEN = {"tenant", "project", "agent", "agent_id", "key", "data_key", "url", "path", "error"}


def names(metric: MetricWrapperBase) -> str:
    return str(metric._name)


@pytest.mark.parametrize("metric", metrics.CATALOGUE, ids=names)
def test_a_metric_is_named_documented_and_bounded(metric: MetricWrapperBase) -> None:
    assert metric._name.startswith("contex_")
    assert metric._documentation.endswith(".")
    assert len(metric._documentation) > 20
    assert set(metric._labelnames) <= metrics.LABELS
    assert not set(metric._labelnames) & FORBIDDEN


def test_times_are_in_seconds() -> None:
    timed = [metric for metric in metrics.CATALOGUE if "time" in metric._documentation.lower()]
    wrong = [
        metric._name
        for metric in timed
        if metric._documentation.startswith("Time ") and not metric._name.endswith("_seconds")
    ]
    assert wrong == []


def test_the_catalogue_is_all_there_is() -> None:
    defined = {
        id(value) for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)
    }
    assert {id(metric) for metric in metrics.CATALOGUE} == defined
    used = {name for metric in metrics.CATALOGUE for name in metric._labelnames}
    assert used == metrics.LABELS


def test_no_module_defines_a_metric_of_its_own() -> None:
    root = Path(metrics.__file__).parents[2]
    folders = ("contex", "gateway", "topology", "workers")
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]
    importers = [path.name for path in files if _imports_prometheus(path)]
    assert importers == ["metrics.py"]


def _imports_prometheus(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client")
        for node in ast.walk(tree)
    )


def test_rendering_shows_a_count() -> None:
    metrics.WATCHDOG_EXITS.labels("a-test").inc()
    text = metrics.render().decode()
    assert 'contex_watchdog_exits_total{stage="a-test"} 1.0' in text
    assert "# HELP contex_updates_total Updates produced" in text
    assert "process_resident_memory_bytes" in text
