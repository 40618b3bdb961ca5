"""What the gateway answers to a publish or a delete, in words and as JSON."""

from shlex import quote

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.output import plural
from contex.client.types import Published


def facts(published: Published) -> dict[str, object]:
    """Return an answer as JSON; what was not asked for is left out."""
    members: dict[str, object] = {
        "status": published.status,
        "project_id": published.project_id,
        "data_key": published.data_key,
        "revision": published.revision,
        "event_id": published.event_id,
    }
    if published.outcome is not None:
        members |= {
            "outcome": published.outcome,
            "agents_told": published.agents_told,
            "told": dict(published.told),
        }
    return members


def told(published: Published) -> str:
    """Say in words what became of a value."""
    words = f"revision {published.revision}"
    if published.outcome is None:
        return words
    kinds = ", ".join(f"{count} {kind}" for kind, count in published.told.items() if count)
    agents = plural(published.agents_told or 0, "agent") + " told"
    return f"{words}, {published.outcome}; {agents}{f' ({kinds})' if kinds else ''}"


def check_outcome(published: Published, wait_s: float) -> None:
    """End with a status of its own when what was waited for did not come in time."""
    if published.outcome is None:
        raise Failed(
            f"{published.data_key} was accepted, but not routed within {wait_s:g} s",
            "Routing is behind (`contex doctor` shows it), or gave it up: "
            f"contex dead-letters list --key {quote(published.data_key)}",
            status=Exit.UNAVAILABLE,
        )
