"""The command `contex query`: searches a project's values once, by meaning and by words."""

from typing import Any

import click

from contex.cli import output
from contex.cli.gateway import Target, connected, gateway_options, target_of
from contex.cli.labels import filters
from contex.cli.output import document
from contex.cli.showing import match_members, one_line
from contex.client.types import QueryAnswer


@click.command()
@click.argument("text", metavar="TEXT")
@click.option("--top-k", "-k", type=click.IntRange(1, 50), help="How many at most.  [default: 5]")
@click.option("--threshold", type=click.FloatRange(0, 1), help="How well a value must match.")
@click.option(
    "--mode",
    type=click.Choice(["dense", "lexical", "hybrid"]),
    help="By meaning, by words, or both.",
)
@click.option(
    "--filter",
    "labels",
    multiple=True,
    metavar="NAME=TEXT",
    help="Only values with this label; repeat a NAME for either text.",
)
@click.option("--exclude", multiple=True, metavar="TEXT", help="What is not meant; repeatable.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="How much data at most.")
@click.option("--after", metavar="TIME", help="Published after this (RFC 3339).")
@click.option("--before", metavar="TIME", help="Published before this (RFC 3339).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options()
def query(text: str, *, as_json: bool, labels: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Search a project's values for TEXT, once.

    \b
    Examples:
      contex query -p demo 'how do we reach the database'
      contex query -p demo 'on call' -k 20 --filter team=web --mode lexical
      contex query -p demo 'how to deploy' --exclude 'release notes'
      contex query -p demo 'release notes' --json | jq -r '.matches[].data_key'
    """
    target = target_of(options)
    with connected(target) as client:
        answer = client.query(
            text,
            filters=filters(labels),
            mode=options["mode"],
            top_k=options["top_k"],
            threshold=options["threshold"],
            exclusions=options["exclude"] or None,
            max_tokens=options["max_tokens"],
            published_after=options["after"],
            published_before=options["before"],
        )
    if as_json:
        document(_members(answer))
    elif answer.matches:
        _table(answer)
    else:
        click.echo(_nothing(target, narrowed=_narrowed(labels, options)), err=True)


def _narrowed(labels: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    """Return the options that leave values out, however well they match."""
    given = {
        "--filter": labels,
        "--exclude": options["exclude"],
        "--after": options["after"],
        "--before": options["before"],
    }
    return [name for name, value in given.items() if value]


def _nothing(target: Target, *, narrowed: list[str]) -> str:
    """Say what is likeliest to help where nothing was found."""
    if narrowed:
        return f"Nothing matches. Try it without {' and '.join(narrowed)}."
    with connected(target) as client:
        empty = next(iter(client.values()), None) is None
    if empty:
        return f"The project {target.project} has no values: contex publish KEY VALUE"
    return "Nothing matches. A lower --threshold finds more."


def _table(answer: QueryAnswer) -> None:
    output.table(
        ("key", "score", "data"),
        [(match.data_key, f"{match.score:.3f}", one_line(match)) for match in answer.matches],
    )
    more = answer.total_matches - len(answer.matches)
    note = f"{len(answer.matches)} of {answer.total_matches} shown" if more > 0 else ""
    took = f"{answer.took_ms:.0f} ms" if answer.took_ms else ""
    if words := ", ".join(word for word in (note, took) if word):
        click.echo(words, err=True)


def _members(answer: QueryAnswer) -> dict[str, object]:
    return {
        "query": answer.query,
        "matches": [match_members(match) for match in answer.matches],
        "total_matches": answer.total_matches,
        "omitted_total": answer.omitted_total,
        "took_ms": answer.took_ms,
    }
