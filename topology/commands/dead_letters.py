"""The commands `contex dead-letters list | show | redrive`.

Decides the exit statuses. What is slow to import is imported by the command that runs: `--help`
and completion pass by here.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from contex.cli.exits import Exit
from contex.cli.groups import GuessingGroup
from contex.cli.moments import Moment
from contex.cli.output import document, plural, remarks
from contex.dead_letters.letter import Filter
from contex.dead_letters.verdicts import Verdict, Way
from contex.errors import InvalidRecord
from contex.records.redriven import Place
from topology.catalogue import RETRY_LANES
from topology.commands.where import data_option, run, settings_here
from topology.stages import STAGES

if TYPE_CHECKING:
    from topology.commands.letters_work import Asked

_F = TypeVar("_F", bound=Callable[..., Any])
_GONE_BACK = (Verdict.ALREADY, Verdict.REPEAT)
"""Of a letter that went back before, or by another one: a run that is repeated ends well."""


def ways() -> Mapping[str, Way]:
    """Return how the dead letters of each stage go back.

    An update whose delivery was given up goes into the first retry lane: the webhook worker tries
    it again, under the same id and with all its tries, and the agent's feed is not told twice.
    """
    return {
        stage.name: Way(
            stage=stage.name,
            topic=stage.dead_letter.name,
            origins={topic.name: topic.partitions for topic in stage.reads},
            lane=RETRY_LANES[0].name if RETRY_LANES[0] in stage.writes else None,
        )
        for stage in STAGES
        if stage.dead_letter is not None
    }


def _filters(function: _F) -> _F:
    for option in reversed(
        (
            click.option("--stage", type=click.Choice(list(ways())), help="Who gave them up."),
            click.option("--tenant", help="Only this tenant's."),
            click.option("--project", help="Only this project's."),
            click.option("--key", help="The whole key, data key or agent; may have * and ?."),
            click.option("--class", "error_class", help="The error's class, as InvalidRecord."),
            click.option(
                "--since",
                "since_ms",
                type=Moment(),
                help="Given up since: 90s, 30m, 2h, 7d ago, or an RFC 3339 time.",
            ),
        )
    ):
        function = option(function)
    return function


def _asked(options: Mapping[str, Any]) -> "Asked":
    from topology.commands.letters_work import Asked  # noqa: PLC0415 - slow

    stage = options["stage"]
    return Asked(
        Filter(options["tenant"], options["project"], options["key"], options["error_class"]),
        tuple(way for name, way in ways().items() if stage in {None, name}),
        options["since_ms"],
    )


@click.group("dead-letters", cls=GuessingGroup)
def dead_letters() -> None:
    r"""Look at records that were given up, and bring them back.

    \b
    Examples:
      contex dead-letters list --since 1d
      contex dead-letters show contex.routing.dead-letter:0:17
      contex dead-letters redrive --stage routing --since 1d --dry-run
    """


@dead_letters.command("list")
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How many at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def list_(*, limit: int, as_json: bool, data: Path, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""List dead letters, newest first, and which were redriven.

    \b
    Examples:
      contex dead-letters list --since 1d
      contex dead-letters list --class InvalidRecord --key 'orders/*'
      contex dead-letters list --json | jq -r '.dead_letters[].place'
    """
    from topology.commands import letters_shown, letters_work  # noqa: PLC0415 - slow

    settings = settings_here(data)
    asked = _asked(options)
    found, more = run(
        letters_work.list_letters(settings, asked, limit), settings.kafka_bootstrap_servers
    )
    if as_json:
        facts = [letters_shown.letter_facts(letter, note) for letter, note in found]
        document({"dead_letters": facts, "count": len(found), "more": more})
        return
    if found:
        letters_shown.print_list(found)
    said = plural(len(found), "dead letter") if found else "No dead letters."
    remarks().print(f"{said}{'; there are more: --limit' if more else ''}")


@dead_letters.command()
@click.argument("place")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def show(place: str, *, as_json: bool, data: Path) -> None:
    r"""Show the dead letter at PLACE.

    PLACE is topic:partition:offset, as `list` names it.

    \b
    Example:
      contex dead-letters show contex.routing.dead-letter:0:17
    """
    from topology.commands import letters_shown, letters_work  # noqa: PLC0415 - slow

    [(way, where)] = _places([place])
    settings = settings_here(data)
    letter, note, received, payload = run(
        letters_work.show_letter(settings, way, where), settings.kafka_bootstrap_servers
    )
    if as_json:
        document(letters_shown.full_facts(letter, note, received, payload))
    else:
        letters_shown.print_letter(letter, note, received, payload)


@dead_letters.command()
@click.argument("places", nargs=-1, metavar="[PLACE...]")
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them, where no filter is given.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--force", is_flag=True, help="Also what is stale, or was redriven before.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@data_option
def redrive(
    places: tuple[str, ...],
    *,
    everything: bool,
    dry_run: bool,
    force: bool,
    yes: bool,
    as_json: bool,
    data: Path,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    r"""Bring dead letters back, byte for byte.

    Those at PLACEs, those of a filter, or --all: a record goes back to its topic, under its key, so
    into its partition; several of a key keep their order. One is skipped as stale when its key has
    a newer record there, which it would overwrite. Updates that webhooks gave up go into the first
    retry lane. The letters stay where they are; `list` shows which were redriven. The exit status
    is 1 when one did not go back, now or before.

    \b
    Examples:
      contex dead-letters redrive contex.routing.dead-letter:0:17
      contex dead-letters redrive --stage webhooks --since 2d --dry-run
      contex dead-letters redrive --all --yes
    """
    from topology.commands import letters_shown, letters_work  # noqa: PLC0415 - slow

    filtered = any(value is not None for value in options.values())
    if not (places or filtered or everything):
        raise click.UsageError("name a PLACE, give a filter, or say --all")
    if places and (filtered or everything):
        raise click.UsageError("PLACEs, or filters and --all: not both")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here: say --yes, or --dry-run")
    settings = settings_here(data)
    order = letters_work.Order(
        _asked(options), _places(places), dry_run=dry_run, force=force, yes=yes
    )
    every = run(letters_work.redrive_letters(settings, order), settings.kafka_bootstrap_servers)
    counts = letters_shown.counted(every)
    if as_json:
        results = [letters_shown.result_facts(one) for one in every]
        document({"dry_run": dry_run, "results": results, "counts": counts})
    else:
        for one in every:
            click.echo(letters_shown.result_line(one))
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    remarks().print(said or "No dead letters.")
    done = "redrive" if dry_run else "redriven"
    sys.exit(Exit.OK if set(counts) <= {done, *_GONE_BACK} else Exit.FAILED)


def _places(texts: Sequence[str]) -> list[tuple[Way, Place]]:
    by_topic = {way.topic: way for way in ways().values()}
    found = []
    for text in texts:
        try:
            place = Place.parse(text)
        except InvalidRecord as error:
            raise click.BadParameter(
                f"expected topic:partition:offset, got {text!r}", param_hint="PLACE"
            ) from error
        if place.topic not in by_topic:
            raise click.BadParameter(
                f"{place.topic} holds no dead letters; {' and '.join(by_topic)} do",
                param_hint="PLACE",
            )
        found.append((by_topic[place.topic], place))
    return found
