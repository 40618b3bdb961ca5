"""The command `contex publish`: one value from the command line, or many from files.

Decides what the arguments mean and what a person reads. A word that is no file is never silently
taken for one, nor the other way round.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from contex.cli import files, publish_files
from contex.cli.answers import check_outcome, facts, told
from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.files import Gathered, Naming, Unusable
from contex.cli.gateway import Target, connected, gateway_options, target_of
from contex.cli.labels import pairs
from contex.cli.output import document, printable
from contex.cli.sending import Form
from contex.records.publication import VALUE_BYTES_MAX

STDIN: Final = "-"
_FORMATS: Final = (
    *("json", "jsonl", "ndjson", "yaml", "toml", "csv", "tsv", "xml", "markdown", "text", "code"),
    *("python", "javascript", "typescript", "java", "go", "rust", "c", "cpp", "ruby", "shell"),
    "sql",
)
_PAIR: Final = 2
_STEPS: Final[Mapping[type[Exception], str]] = {
    files.NotText: "Values are UTF-8 text: convert it, or publish in words what it holds.",
    files.TooLarge: "Publish its parts under several keys.",
}


def _complete(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete files: a key may be anything."""
    return [CompletionItem(incomplete, type="file")]


@click.command()
@click.argument(
    "arguments",
    nargs=-1,
    required=True,
    metavar="KEY [VALUE|-] | PATH...",
    shell_complete=_complete,
)
@click.option("--value", help="The value, where it could be taken for a file.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Publish this file under KEY.",
)
@click.option(
    "--format",
    "data_format",
    type=click.Choice(_FORMATS),
    metavar="FORMAT",
    help="What the text is: json, yaml, toml, csv, markdown, text, python...  [default: detected]",
)
@click.option("--metadata", "-m", multiple=True, metavar="NAME=TEXT", help="A label; repeatable.")
@click.option("--event-type", help="Your own word for what happened.")
@click.option("--prefix", default="", help="Put this before the key of every file.")
@click.option(
    "--base",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Keys of files are relative to this folder.",
)
@click.option("--strip-extension", is_flag=True, help="Leave .md, .yaml... out of the keys.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out; repeatable.")
@click.option("--wait", is_flag=True, help="Wait until the agents are told; say how many.")
@click.option("--dry-run", is_flag=True, help="Show what would be published; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options()
def publish(arguments: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Publish a value, or files.

    KEY VALUE publishes a text, or JSON where it is an object or an array; KEY - reads standard
    input; KEY --file reads a file. PATHs are files, folders and patterns: the key of each file is
    its relative path, its format is told by its ending. Hidden files and files that are no UTF-8
    text are left out of folders. A value has at most 900,000 bytes.

    \b
    Examples:
      contex publish -p demo database '{"host": "db", "port": 5432}'
      git log -5 | contex publish -p demo changes -
      contex publish -p demo runbook --file docs/runbook.md --wait
      contex publish -p demo docs/ 'configs/*.yaml' --exclude '*.lock'
      contex publish -p demo --base docs docs/ --strip-extension --dry-run
    """
    target = target_of(options)
    form = Form(
        options["data_format"],
        options["event_type"],
        pairs(options["metadata"], "--metadata"),
    )
    what = _what(arguments, options)
    if isinstance(what, Single):
        _publish_one(target, what, form, options)
    else:
        how = publish_files.How(options["wait"], options["dry_run"], options["as_json"])
        publish_files.publish_files(target, what, form, how)


@dataclass(frozen=True, slots=True)
class Single:
    """One value under a key that was typed.

    Attributes:
        flaw: why a typed text that begins like JSON is none.
    """

    data_key: str
    text: str
    data_format: str | None = None
    flaw: str | None = None


def _what(arguments: tuple[str, ...], options: dict[str, Any]) -> Single | Gathered:
    """Decide what the arguments mean."""
    value, file = options["value"], options["file"]
    if value is not None or file is not None:
        if len(arguments) != 1 or (value is not None and file is not None):
            raise click.UsageError("With --value or --file, give one KEY and nothing else.")
        return _read_single(arguments[0], value, file)
    if len(arguments) == _PAIR and arguments[1] == STDIN:
        return _read_single(arguments[0], STDIN, None)
    if files.are_files(arguments):
        naming = Naming(options["base"], options["prefix"], options["strip_extension"])
        try:
            return files.gather(arguments, naming, options["exclude"])
        except Unusable as error:
            raise Failed(str(error), error.advice, status=Exit.USAGE) from error
    if len(arguments) == _PAIR:
        return _pair(*arguments)
    absent = next(one for one in arguments if not files.exists(one))
    step = "One value: contex publish KEY VALUE, or KEY - for standard input."
    if absent.endswith(("/", os.sep)) or len(arguments) > 1:
        step = files.similar(absent) or "Paths are relative to the folder that you are in."
    raise Failed(f"there is no file or folder {absent!r}", step, status=Exit.USAGE)


def _pair(key: str, value: str) -> Single:
    """Take two for a key and a value; where one of them is a file, guess nothing."""
    if files.exists(value):
        text = f"contex publish {quote(key)} --file {quote(value)}"
        raise Failed(
            f"{value!r} is a file or folder, and {key!r} is none",
            f"The file's text: {text}. The very word: --value {quote(value)}",
            status=Exit.USAGE,
        )
    if files.exists(key):
        raise Failed(
            f"{key!r} is a file or folder, and {value!r} is none",
            f"Did you mean a key? contex publish {quote(key)} --value TEXT",
            status=Exit.USAGE,
        )
    return _read_single(key, value, None)


def _read_single(data_key: str, value: str | None, file: Path | None) -> Single:
    try:
        if file is not None:
            return Single(data_key, files.read_text(file), files.format_of(file))
        if value == STDIN:
            content = click.get_binary_stream("stdin").read(VALUE_BYTES_MAX + 1)
        else:
            content = os.fsencode(value or "")  # the very bytes that were typed
        files.check_size(len(content))
        text = files.as_text(content)
    except (files.NotText, files.TooLarge, OSError) as error:
        what = "the value" if file is None else str(file)
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else error
        raise Failed(f"{what} {reason}", _STEPS.get(type(error), "")) from error
    if not text.lstrip().startswith(("{", "[")):
        return Single(data_key, text)  # what else might be JSON is left a text
    flaw = _flaw(text)
    if flaw is None:
        return Single(data_key, text, "json")
    return Single(data_key, text, flaw=None if value == STDIN else flaw)


def _flaw(text: str) -> str | None:
    """Say why a text is no JSON, or None where it is."""
    try:
        json.loads(text)
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    return None


def _publish_one(target: Target, what: Single, form: Form, options: dict[str, Any]) -> None:
    data_format = form.data_format or what.data_format
    if what.flaw and data_format is None:
        said = f"The value begins like JSON, but is none ({what.flaw}): it goes as text."
        click.echo(f"{click.style('Warning:', fg='yellow')} {printable(said)}", err=True)
    if options["dry_run"]:
        size_bytes = len(what.text.encode())
        planned = [publish_files.Planned(what.data_key, data_format, size_bytes)]
        publish_files.show_plan(planned, as_json=options["as_json"])
        return
    with connected(target) as client:
        published = client.publish(
            what.data_key,
            what.text,
            data_format=data_format,
            event_type=form.event_type,
            metadata=form.metadata or None,
            wait_s=target.waiting(wanted=options["wait"]),
        )
    if options["as_json"]:
        document(facts(published))
    else:
        click.echo(f"Published {published.data_key} to {published.project_id}: {told(published)}.")
    if options["wait"]:
        check_outcome(published, target.wait_s)
