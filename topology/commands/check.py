"""The command `contex check`: compares what agents were told with what they were owed.

Decides what is printed, and the exit status.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from contex.cli.exits import Exit
from contex.cli.moments import Moment
from contex.cli.output import document, plural, printable, remarks, results
from contex.errors import InvalidName
from contex.records.names import check_name
from topology.commands.where import data_option, run, settings_here

if TYPE_CHECKING:
    from contex.check.findings import Finding
    from topology.commands.checking import Checked

FINDINGS_SHOWN_MAX: Final = 50


@click.command()
@click.option("--tenant", help="Only this tenant's.")
@click.option("--project", help="Only this project's.")
@click.option(
    "--since",
    "since_ms",
    type=Moment(),
    help="Only what was told since: 90s, 30m, 2h, 7d ago, or an RFC 3339 time.",
)
@click.option("--until", "until_ms", type=Moment(), help="Only what was published until then.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for routing to finish what is written now.",
)
@click.option("--group", help="Routing's consumer group, where the index cannot be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def check(*, data: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Check that every agent was told what it was owed, and nothing else.

    It reads values, registrations, updates and dead letters from Kafka, computes with the embedder
    what meets which need, and compares. What routing has not finished, or what the topics do not
    hold any more, is counted as not judged. It changes nothing. The exit status is 1 when something
    was found, 2 when the environment is wrong, 5 when Kafka, the index or the model is away.

    \b
    Examples:
      contex check --wait 30
      contex check --project demo --since 1d
      contex check --json | jq '.findings[] | select(.kind == "lost")'
    """
    _refuse_what_finds_nothing(**options)
    # Embedder, index and log: slow to import, and `--help` passes by here.
    from topology.commands.checking import Asked, examine  # noqa: PLC0415 - slow

    settings = settings_here(data)
    asked = Asked(**options)
    with remarks().status("Starting ...") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

        found = run(examine(settings, asked, progress), settings.kafka_bootstrap_servers)
    if as_json:
        document(facts(found))
    else:
        _print(found)
    sys.stdout.flush()
    sys.exit(Exit.OK if found.report.consistent else Exit.FAILED)


def facts(checked: "Checked") -> dict[str, Any]:
    """Return a report as JSON."""
    report = checked.report
    return {
        "consistent": report.consistent,
        "group": checked.group,
        "not_routed_yet": checked.waiting,
        "judged": dict(report.judged),
        "not_judged": {why.value: count for why, count in report.unjudged.items()},
        "counts": {kind.value: count for kind, count in report.counts.items()},
        "findings": [
            {
                "kind": one.kind.value,
                "tenant": one.tenant or None,
                "project": one.project or None,
                "agent_id": one.agent_id or None,
                "data_key": one.data_key or None,
                "detail": one.detail,
                "place": one.place or None,
            }
            for one in report.findings
        ],
        "took_s": round(checked.took_s, 3),
    }


def _refuse_what_finds_nothing(
    *,
    tenant: str | None,
    project: str | None,
    since_ms: int | None,
    until_ms: int | None,
    **_more: object,
) -> None:
    """Refuse what no record can have: a check of nothing passes."""
    for option, name in (("--tenant", tenant), ("--project", project)):
        try:
            if name is not None:
                check_name(name, option.removeprefix("--"))
        except InvalidName as error:
            raise click.BadParameter(str(error), param_hint=option) from error
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise click.BadParameter("is not before --until", param_hint="--since")


def _print(checked: "Checked") -> None:
    report = checked.report
    out = results()
    for finding in report.findings[:FINDINGS_SHOWN_MAX]:
        out.print(printable(_line(finding)), markup=False, soft_wrap=True)
    total = sum(report.counts.values())
    if total > FINDINGS_SHOWN_MAX:
        out.print(f"... {total - FINDINGS_SHOWN_MAX:,} more: --json has up to 1,000")
    judged = report.judged
    out.print(
        f"{plural(judged['pairs'], 'pair')} of {plural(judged['agents'], 'agent')}"
        f" and {plural(judged['values'], 'value')}, {plural(judged['updates'], 'update')}"
        f" judged in {checked.took_s:.1f} s",
        soft_wrap=True,
    )
    for why, count in sorted(report.unjudged.items()):
        out.print(f"not judged, {why}: {count:,}")
    if checked.waiting:
        out.print(f"routing had {plural(checked.waiting, 'record')} left to do: see --wait")
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    if not report.consistent:
        out.print(f"Found: {counts}.", soft_wrap=True)
    elif judged["pairs"] or judged["updates"]:
        out.print("Consistent.")
    else:
        out.print("Nothing was judged.")


def _line(finding: "Finding") -> str:
    whose = "/".join(part for part in (finding.tenant, finding.project) if part)
    who = f" {finding.agent_id}" if finding.agent_id else ""
    what = f" {finding.data_key!r}" if finding.data_key else ""
    place = f" ({finding.place})" if finding.place else ""
    return f"{finding.kind}: {whose}{who}{what}: {finding.detail}{place}"
