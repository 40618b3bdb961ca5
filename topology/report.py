"""Plans in words, as a person reads them in a terminal, and as JSON.

Decides how a difference is written. Never decides what is different.
"""

from contex.cli.output import plural
from topology.plan import Alter, Change, Create, Grow, Plan


def describe_plan(plan: Plan) -> str:
    """Return the whole plan, one paragraph a topic, a summary last."""
    parts = [describe_change(change) for change in plan.changes]
    parts += [f"! {refusal.name} {refusal.reason}" for refusal in plan.refusals]
    parts += [f"# {notice.name} {notice.reason}" for notice in plan.notices]
    return "\n".join([*parts, _summary(plan)])


def describe_change(change: Change) -> str:
    """Return one change: what is added, altered or grown, setting by setting."""
    match change:
        case Create(topic=topic, replication_factor=replicas, config=config):
            head = f"+ {topic.name}: {topic.partitions} partitions, {plural(replicas, 'replica')}"
            lines = [f"    + {name} = {value}" for name, value in sorted(config.items())]
        case Alter(name=name, settings=settings):
            head = f"~ {name}"
            lines = [
                f"    ~ {setting.name}: {setting.was or 'not set'} -> {setting.becomes}"
                for setting in settings
            ]
        case Grow(name=name, was=was, becomes=becomes):
            head, lines = f"~ {name}", [f"    ~ partitions: {was} -> {becomes}"]
    return "\n".join([head, *lines])


def plan_facts(plan: Plan) -> dict[str, object]:
    """Return the whole plan as JSON."""
    return {
        "changes": [_change_facts(change) for change in plan.changes],
        "refusals": [{"topic": one.name, "reason": one.reason} for one in plan.refusals],
        "notices": [{"topic": one.name, "reason": one.reason} for one in plan.notices],
    }


def _change_facts(change: Change) -> dict[str, object]:
    match change:
        case Create(topic=topic, replication_factor=replicas, config=config):
            return {
                "topic": topic.name,
                "action": "create",
                "partitions": topic.partitions,
                "replication_factor": replicas,
                "config": dict(config),
            }
        case Alter(name=name, settings=settings):
            differences = {one.name: {"was": one.was, "becomes": one.becomes} for one in settings}
            return {"topic": name, "action": "alter", "config": differences}
        case Grow(name=name, was=was, becomes=becomes):
            partitions = {"was": was, "becomes": becomes}
            return {"topic": name, "action": "grow", "partitions": partitions}


def _summary(plan: Plan) -> str:
    if plan.refusals:
        count = plural(len(plan.refusals), "difference")
        return f"Refused: {count} that only a migration can settle. Nothing is applied."
    if not plan.changes:
        return "No changes: the cluster is as the catalogue says."
    created = sum(isinstance(change, Create) for change in plan.changes)
    altered = len(plan.changes) - created
    return f"Plan: {created} to create, {altered} to alter, 0 to delete."
