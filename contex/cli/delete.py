"""The command `contex delete`: ends values; agents that had them are told."""

import sys
from typing import TYPE_CHECKING, Any

import click

from contex.cli.answers import check_outcome, facts, told
from contex.cli.exits import Exit
from contex.cli.failures import failed
from contex.cli.gateway import connected, gateway_options, target_of
from contex.cli.output import document
from contex.client.errors import Refused

if TYPE_CHECKING:
    from contex.client.types import Published


@click.command()
@click.argument("data_keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--wait", is_flag=True, help="Wait until the agents are told; say how many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@gateway_options()
def delete(data_keys: tuple[str, ...], *, wait: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    r"""Delete values, by their keys.

    Deleting is told to every agent that had the value. A key that no value has is no error: it is
    gone either way.

    \b
    Examples:
      contex delete -p demo database
      contex delete -p demo docs/old.md docs/older.md --wait
    """
    target = target_of(options)
    deleted: list[Published] = []
    refused: list[dict[str, object]] = []
    wait_s = target.waiting(wanted=wait)
    with connected(target) as client:
        for data_key in data_keys:
            try:
                one = client.delete(data_key, wait_s=wait_s)
            except Refused as error:
                if len(data_keys) == 1 or error.status in {401, 403}:
                    raise
                refused.append({"status": "failed", "data_key": data_key, "error": error.detail})
                if not as_json:
                    failed(error).show()
                continue
            deleted.append(one)
            if not as_json:
                click.echo(f"Deleted {one.data_key} from {one.project_id}: {told(one)}.")
    if as_json:
        answers = [*map(facts, deleted), *refused]
        document(answers[0] if len(data_keys) == 1 else {"results": answers})
    if wait:
        for one in deleted:
            check_outcome(one, target.wait_s)
    sys.exit(Exit.FAILED if refused else Exit.OK)
