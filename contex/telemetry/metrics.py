"""The catalogue of metrics: every name, what it means, and its labels.

Decides names, labels and buckets. Labels are bounded: an outcome, a stage, a topic of the
catalogue, a route's template; never a tenant, a project, an agent or a key. Serves nothing.
"""

from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LABELS = frozenset(
    {
        "error_class",
        "kind",
        "lane",
        "method",
        "mode",
        "operation",
        "outcome",
        "route",
        "stage",
        "status",
        "topic",
        "version",
        "view",
    }
)
"""Every label name in use; each takes a value from a set that the code fixes."""
REGISTRY = CollectorRegistry()

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_END_TO_END_S = (*_SLOW_S, 60.0, 300.0)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

BUILD_INFO = Gauge(
    "contex_build_info",
    "Always 1: which release this process runs, and as which stage.",
    ["stage", "version"],
    registry=REGISTRY,
)
ROUTED_VALUES = Counter(
    "contex_routed_values",
    "Publications that the routing worker finished, by outcome (routed, stale, done,"
    " unchanged, superseded, dead_lettered).",
    ["outcome"],
    registry=REGISTRY,
)
ROUTED_REGISTRATIONS = Counter(
    "contex_routed_registrations",
    "Registrations that the routing worker finished, by outcome (routed, stale,"
    " superseded, dead_lettered).",
    ["outcome"],
    registry=REGISTRY,
)
VALUE_MATCHES = Histogram(
    "contex_value_matches",
    "Agents that a routed publication was told to as matched or updated.",
    buckets=(0, *_COUNTS),
    registry=REGISTRY,
)
UPDATES = Counter(
    "contex_updates",
    "Updates produced and acknowledged, by kind (initial, matched, updated, retracted, deleted).",
    ["kind"],
    registry=REGISTRY,
)
END_TO_END_SECONDS = Histogram(
    "contex_end_to_end_seconds",
    "Time from the acceptance of a publication or registration until the update that it causes"
    " is acknowledged by Kafka, by kind of update; two machines' clocks are compared.",
    ["kind"],
    buckets=_END_TO_END_S,
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "contex_dead_letters",
    "Records produced to a dead-letter topic, by the stage that gave up and the class of error.",
    ["stage", "error_class"],
    registry=REGISTRY,
)
BATCH_RECORDS = Histogram(
    "contex_batch_records",
    "Records that a stage took from the log at once.",
    ["stage"],
    buckets=_COUNTS,
    registry=REGISTRY,
)
EMBED_SECONDS = Histogram(
    "contex_embed_seconds",
    "Time to embed one batch of texts.",
    buckets=_SLOW_S,
    registry=REGISTRY,
)
EMBED_TEXTS = Histogram(
    "contex_embed_texts",
    "Texts embedded in one batch.",
    buckets=_COUNTS,
    registry=REGISTRY,
)
INDEX_CALL_SECONDS = Histogram(
    "contex_index_call_seconds",
    "Time of one call to the index, by the type of its request.",
    ["operation"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
PUBLISH_ACK_SECONDS = Histogram(
    "contex_publish_ack_seconds",
    "Time from handing a record, or a flight of records, to the producer until all are"
    " acknowledged.",
    ["topic"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
WEBHOOK_ATTEMPTS = Counter(
    "contex_webhook_attempts",
    "Webhook attempts, by outcome (succeeded, retried, dead_lettered, disabled, blocked).",
    ["outcome"],
    registry=REGISTRY,
)
WEBHOOK_ATTEMPT_SECONDS = Histogram(
    "contex_webhook_attempt_seconds",
    "Time of one webhook attempt, from the connection to the last byte of the answer.",
    buckets=_SLOW_S,
    registry=REGISTRY,
)
WEBHOOK_SKIPS = Counter(
    "contex_webhook_skips",
    "Updates that no webhook was due for, by outcome (left, superseded, stream).",
    ["outcome"],
    registry=REGISTRY,
)
LANE_OVERDUE_SECONDS = Gauge(
    "contex_lane_overdue_seconds",
    "How late the oldest due record of a retry lane is; 0 when none is due.",
    ["lane"],
    registry=REGISTRY,
)
STREAM_CONNECTIONS = Gauge(
    "contex_stream_connections",
    "Agents connected to the gateway now, by kind of stream (sse, websocket).",
    ["kind"],
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "contex_http_requests",
    "HTTP requests answered, by method, route template and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "contex_http_seconds",
    "Time to answer an HTTP request, by method and route template; streams are not counted.",
    ["method", "route"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
IDEMPOTENT_REPLAYS = Counter(
    "contex_idempotent_replays",
    "Writes that were answered again from what their Idempotency-Key was answered before.",
    registry=REGISTRY,
)
QUERY_SECONDS = Histogram(
    "contex_query_seconds",
    "Time of one query, from its text to its matches, by mode (dense, lexical, hybrid).",
    ["mode"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
GROUP_LAG_RECORDS = Gauge(
    "contex_group_lag_records",
    "Records that wait in the partitions of this process, by stage (each stage has one consumer"
    " group) and topic; the group's lag is the sum over its processes. Retries that are not due"
    " yet wait too.",
    ["stage", "topic"],
    registry=REGISTRY,
)
PROGRESS_AGE_SECONDS = Gauge(
    "contex_progress_age_seconds",
    "How long this process has made no progress, as its watchdog sees it: its event loop is"
    " silent, a batch is in work, or records wait and none is finished.",
    ["stage"],
    registry=REGISTRY,
)
WATCHDOG_EXITS = Counter(
    "contex_watchdog_exits",
    "Times the process decided to exit because it made no progress, by stage; it exits two"
    " seconds later, so that a change of process_start_time_seconds is the surer sign.",
    ["stage"],
    registry=REGISTRY,
)
DEPENDENCY_WAITS = Counter(
    "contex_dependency_waits",
    "Times work waited because a dependency was away, by the stage that waited.",
    ["stage"],
    registry=REGISTRY,
)
VIEW_RECORDS_SKIPPED = Counter(
    "contex_view_records_skipped",
    "Records that a materialised view could not read and passed over, by view.",
    ["view"],
    registry=REGISTRY,
)

Metric = Counter | Gauge | Histogram
CATALOGUE: tuple[Metric, ...] = (
    BUILD_INFO,
    ROUTED_VALUES,
    ROUTED_REGISTRATIONS,
    VALUE_MATCHES,
    UPDATES,
    END_TO_END_SECONDS,
    DEAD_LETTERS,
    BATCH_RECORDS,
    EMBED_SECONDS,
    EMBED_TEXTS,
    INDEX_CALL_SECONDS,
    PUBLISH_ACK_SECONDS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_ATTEMPT_SECONDS,
    WEBHOOK_SKIPS,
    LANE_OVERDUE_SECONDS,
    STREAM_CONNECTIONS,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    IDEMPOTENT_REPLAYS,
    QUERY_SECONDS,
    GROUP_LAG_RECORDS,
    PROGRESS_AGE_SECONDS,
    WATCHDOG_EXITS,
    DEPENDENCY_WAITS,
    VIEW_RECORDS_SKIPPED,
)
"""All of the above, in the order in which data passes."""


@dataclass(frozen=True, slots=True)
class Described:
    """A metric, as its reference tells of it."""

    name: str
    type: str
    labels: tuple[str, ...]
    about: str


def described() -> tuple[Described, ...]:
    """Return every metric of the catalogue in words."""
    return tuple(
        Described(family.name, family.type, metric._labelnames, family.documentation)  # noqa: SLF001 - the client has no public name for the labels
        for metric in CATALOGUE
        for family in metric.describe()
    )


def name_of(metric: Metric) -> str:
    """Return a metric's name, without what Prometheus appends to it."""
    [family] = metric.describe()
    return str(family.name)


ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


def render() -> bytes:
    """Return the metrics as Prometheus reads them, to be served as `CONTENT_TYPE`."""
    return generate_latest(REGISTRY)
