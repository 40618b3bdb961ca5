"""The Grafana dashboard, from the catalogue of metrics.

Decides which questions it answers, one panel each. Every expression is built on a metric object, so
that a metric that is renamed takes its panels along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contex.telemetry import metrics
from contex.telemetry.metrics import Metric, name_of

TITLE = "Contex"
UID = "contex"
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
_WIDTH = 8
_HEIGHT = 7
_COLUMNS = 24
_RANGE = "[$__rate_interval]"


@dataclass(frozen=True, slots=True)
class Panel:
    """One question and the expressions that answer it, by what their lines are called."""

    title: str
    expressions: Mapping[str, str]
    unit: str = "short"


def _legend(by: Sequence[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by)


def _by(labels: Sequence[str]) -> str:
    return f"by ({', '.join(labels)})"


def _rate(metric: Metric, *by: str) -> dict[str, str]:
    """How often, per second."""
    rate = f"rate({name_of(metric)}_total{_RANGE})"
    return {_legend(by) or "all": f"sum {_by(by)} ({rate})"}


def _sum(metric: Metric, *by: str) -> dict[str, str]:
    """All processes together."""
    return {_legend(by): f"sum {_by(by)} ({name_of(metric)})"}


def _worst(metric: Metric, *by: str) -> dict[str, str]:
    """The process that is worst off."""
    return {_legend(by): f"max {_by(by)} ({name_of(metric)})"}


def _spread(metric: Metric, *by: str) -> dict[str, str]:
    """Median and 99th percentile; where it is split, the latter alone."""
    shares = {"p99": 0.99} if by else {"p50": 0.5, "p99": 0.99}
    rate = f"rate({name_of(metric)}_bucket{_RANGE})"
    return {
        f"{name} {_legend(by)}".strip(): (
            f"histogram_quantile({share}, sum {_by(('le', *by))} ({rate}))"
        )
        for name, share in shares.items()
    }


PANELS = (
    Panel("Publish to update", _spread(metrics.END_TO_END_SECONDS), "s"),
    Panel("Lag of the groups", _sum(metrics.GROUP_LAG_RECORDS, "stage", "topic")),
    Panel("Dead letters", _rate(metrics.DEAD_LETTERS, "stage", "error_class"), "cps"),
    Panel("Publications routed", _rate(metrics.ROUTED_VALUES, "outcome"), "cps"),
    Panel("Registrations routed", _rate(metrics.ROUTED_REGISTRATIONS, "outcome"), "cps"),
    Panel("Updates told", _rate(metrics.UPDATES, "kind"), "cps"),
    Panel("Agents told per publication", _spread(metrics.VALUE_MATCHES)),
    Panel("Records per batch", _spread(metrics.BATCH_RECORDS, "stage")),
    Panel("Embedding a batch", _spread(metrics.EMBED_SECONDS), "s"),
    Panel("Texts per embedding", _spread(metrics.EMBED_TEXTS)),
    Panel("Calls to the index", _spread(metrics.INDEX_CALL_SECONDS, "operation"), "s"),
    Panel("Acknowledged by Kafka", _spread(metrics.PUBLISH_ACK_SECONDS, "topic"), "s"),
    Panel("Webhook tries", _rate(metrics.WEBHOOK_ATTEMPTS, "outcome"), "cps"),
    Panel("Time of a webhook try", _spread(metrics.WEBHOOK_ATTEMPT_SECONDS), "s"),
    Panel("Updates without a webhook", _rate(metrics.WEBHOOK_SKIPS, "outcome"), "cps"),
    Panel("Retries overdue", _worst(metrics.LANE_OVERDUE_SECONDS, "lane"), "s"),
    Panel("Agents connected", _sum(metrics.STREAM_CONNECTIONS, "kind")),
    Panel("Requests", _rate(metrics.HTTP_REQUESTS, "method", "route", "status"), "reqps"),
    Panel("Time of a request", _spread(metrics.HTTP_SECONDS, "method", "route"), "s"),
    Panel("Time of a query", _spread(metrics.QUERY_SECONDS, "mode"), "s"),
    Panel("Answers repeated", _rate(metrics.IDEMPOTENT_REPLAYS), "cps"),
    Panel("Time without progress", _worst(metrics.PROGRESS_AGE_SECONDS, "stage"), "s"),
    Panel("Watchdog exits", _rate(metrics.WATCHDOG_EXITS, "stage"), "cps"),
    Panel("Waits for a dependency", _rate(metrics.DEPENDENCY_WAITS, "stage"), "cps"),
    Panel("Registrations passed over", _rate(metrics.VIEW_RECORDS_SKIPPED, "view"), "cps"),
    Panel("Releases running", _sum(metrics.BUILD_INFO, "stage", "version")),
)


def dashboard() -> dict[str, object]:
    """Return the dashboard as Grafana provisions it."""
    return {
        "uid": UID,
        "title": TITLE,
        "tags": ["contex"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }


def _panel(number: int, panel: Panel) -> dict[str, object]:
    per_row = _COLUMNS // _WIDTH
    row, column = divmod(number, per_row)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": DATASOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": _targets(panel),
    }


def _targets(panel: Panel) -> Sequence[Mapping[str, object]]:
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "legendFormat": legend,
            "expr": expression,
        }
        for number, (legend, expression) in enumerate(panel.expressions.items())
    ]
