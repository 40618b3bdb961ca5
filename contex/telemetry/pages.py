"""The catalogues of metrics and log lines as pages. `python -m contex.telemetry.pages NAME` prints.

Decides words and layout; names, labels and fields stand in the catalogues. Writes no file.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping

from contex.telemetry import canonical, metrics
from contex.telemetry.dashboard import dashboard

_METRICS = """\
# Metrics

The gateway serves `/metrics` at its port, each worker at `CONTEX_HEALTH_PORT`, in Prometheus' text
format. All processes list all metrics; each moves those of its own work, and the client library's
`process_` and `python_` ones come with them. This page is generated from
`contex/telemetry/metrics.py`: `python -m contex.telemetry.pages metrics`.

Every label takes its values from a set that the code fixes: an outcome, a stage, a topic of the
catalogue, a route's template. No tenant, project, agent or key is ever a label; those stand in the
[log](logs.md).

| metric | type | labels | meaning |
|---|---|---|---|
"""
_ALERTS = """
Counters end in `_total`; histograms have `_bucket`, `_sum` and `_count`.

## What to alert on

`infra/prometheus/alerts.yml` has these as rules:

- `up` is 0, or no process of a kind has one: a process does not answer.
- `contex_dead_letters_total` grows: records are given up; see [repair.md](repair.md).
- `contex_group_lag_records` of routing, or of the updates at the webhooks, above 1,000 for
  10 minutes: more arrives than is taken. Add workers, up to 12.
- `contex_progress_age_seconds` above 20: the watchdog is about to end the process.
- `contex_lane_overdue_seconds` above 60: webhooks are tried later than promised.
- `process_start_time_seconds` changes more than three times in 30 minutes: a process ends again and
  again; [its status](operating.md#exits) says why.
"""
_LOGS = """\
# Logs

Every process writes its log to stderr: one line of JSON per event, names sorted, or a readable line
on a terminal (`CONTEX_LOG_FORMAT`). Three kinds of line are canonical: one for each piece of work,
with everything that is known of it. They have level `info`, these fields and no others. A health
check or a scrape that is answered well has level `debug`. Names are cut after 512 characters. This
page is generated from `contex/telemetry/canonical.py`: `python -m contex.telemetry.pages logs`. The
same as a JSON Schema: `schemas/log_line.json`.

Follow one piece of work by its `trace_id`: it is taken from the request's `traceparent`, or begun
by the gateway, travels in the records' headers, and stands in the line of the request, of the
routed record and of every webhook try.

Secrets never stand in a line: values of a secret type, fields with a secret's name, webhook secrets
(`whsec_`), `Authorization` values, passwords of URLs, and this process' own keys are replaced.

What the Kafka clients repeat while a broker is away is told once in 30 seconds; the next such line
says how many were left out.

## Every line

"""


def metrics_page() -> str:
    """Return the reference of the metrics."""
    rows = [
        f"| `{one.name}` | {one.type} | {_listed(one.labels)} | {one.about} |\n"
        for one in metrics.described()
    ]
    return _METRICS + "".join(rows) + _ALERTS


def logs_page() -> str:
    """Return the reference of the log lines."""
    parts = [_LOGS, _fields(canonical.COMMON)]
    for line in canonical.LINES:
        own = [field for field in line.fields if field not in canonical.COMMON]
        parts.append(f"\n## `{line.event}`\n\n{line.when}\n\n{_fields(own)}")
    return "".join(parts)


def _fields(fields: Iterable[canonical.Field]) -> str:
    rows = ["| field | type | |\n|---|---|---|\n"]
    rows += [
        f"| `{one.name}` | {one.type}{', optional' if one.optional else ''} | {one.about} |\n"
        for one in fields
    ]
    return "".join(rows)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _schema() -> str:
    return as_json(canonical.schema())


def _dashboard() -> str:
    return as_json(dashboard())


def as_json(document: object) -> str:
    """Return a document as a file holds it."""
    return json.dumps(document, indent=2) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "metrics": metrics_page,
    "logs": logs_page,
    "log-schema": _schema,
    "dashboard": _dashboard,
}
FILES: Mapping[str, str] = {
    "metrics": "docs/metrics.md",
    "logs": "docs/logs.md",
    "log-schema": "schemas/log_line.json",
    "dashboard": "infra/grafana/contex.json",
}
"""Where each of them is kept."""


if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
