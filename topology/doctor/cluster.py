"""Kafka from inside: topics, consumer groups, and what was given up lately.

Decides when a group counts as behind. Changes nothing. Needs the server's libraries.
"""

import asyncio
import time
from collections.abc import Sequence

from contex.dead_letters.letter import Letter
from contex.dead_letters.scan import oldest_first
from contex.log.admin import Cluster
from contex.log.inspection import Group, Inspection
from contex.log.lag import GroupLag, Span
from contex.log.reader import Reader
from topology.catalogue import DAY_MS, PUBLICATIONS, REGISTRATIONS, UPDATES, Topic
from topology.doctor.findings import Finding, fail, ok, warn
from topology.doctor.kafka import Facts
from topology.doctor.surroundings import Surroundings
from topology.plan import Create, Plan, make_plan
from topology.provision import read
from topology.stages import STAGES, WEBHOOKS, routing_group

SECOND_LOOK_S = 1.0
"""Between two looks at a group that is behind: does it move?"""
NAMED_MAX = 3
LETTERS_READ_MAX = 1_000
"""Of so many records the letters are told from notes; of more, reading them takes too long."""
_MS = 1_000
_APPLY = "`contex topics plan` shows it, `contex topics apply` repairs it."


def look_at_topics(where: Surroundings) -> Sequence[Finding]:
    """Compare the cluster's topics with the catalogue."""
    return topics_findings(make_plan(read(Cluster(_bootstrap(where)))))


def topics_findings(plan: Plan) -> Sequence[Finding]:
    """Say in findings what a plan would do."""
    subject = "topics"
    created = [one.topic.name for one in plan.changes if isinstance(one, Create)]
    altered = [one.name for one in plan.changes if not isinstance(one, Create)]
    found = [
        fail(subject, f"{one.name} {one.reason}", "See docs/topics.md.") for one in plan.refusals
    ]
    if created:
        found.append(fail(subject, f"{len(created)} missing: {_some(created)}", _APPLY))
    if altered:
        text = f"{len(altered)} differ from the catalogue: {_some(altered)}"
        found.append(warn(subject, text, _APPLY))
    found += [
        warn(subject, f"{one.name} {one.reason}", "`contex topics plan` has the whole.")
        for one in plan.notices
    ]
    return found or [ok(subject, "all are as in the catalogue")]


def look_at_routing(where: Surroundings, facts: Facts) -> Sequence[Finding]:
    """Check that somebody matches values with needs, and keeps up."""
    subject = "routing"
    if not facts.index_ids:
        text = "no routing worker has built an index yet"
        return [fail(subject, text, "Start one: python -m workers.routing, or `contex dev`.")]
    bootstrap = _bootstrap(where)
    names = [routing_group(one) for one in facts.index_ids]
    groups = Inspection(bootstrap).groups(names)
    at_work = [groups[name] for name in names if groups[name].members]
    if not at_work:
        text = f"no routing worker runs (group {names[0]}): nothing is matched"
        return [fail(subject, text, "Start one: python -m workers.routing, or `contex dev`.")]
    return [_group(subject, group, bootstrap, (PUBLICATIONS, REGISTRATIONS)) for group in at_work]


def look_at_webhooks(where: Surroundings) -> Sequence[Finding]:
    """Check that somebody delivers webhooks, and keeps up."""
    subject = "webhooks"
    bootstrap = _bootstrap(where)
    name = str(WEBHOOKS.group)
    group = Inspection(bootstrap).groups([name])[name]
    if not group.members:
        text = f"no webhook worker runs (group {name}): webhooks wait"
        return [warn(subject, text, "Start one: python -m workers.webhooks, or `contex dev`.")]
    return [_group(subject, group, bootstrap, (UPDATES,))]


def look_at_dead_letters(where: Surroundings) -> Sequence[Finding]:
    """Count what was given up within a day."""
    subject = "dead letters"
    topics = {
        stage.dead_letter.name: stage.dead_letter.partitions
        for stage in STAGES
        if stage.dead_letter
    }
    since_ms = int(time.time() * _MS) - DAY_MS
    counts = Inspection(_bootstrap(where)).records_since(topics, since_ms)
    step = "`contex dead-letters list` says why, and names what `redrive` brings back."
    found = []
    for name, count in counts.items():
        if count > LETTERS_READ_MAX:
            found.append(warn(subject, f"at most {count:,} within a day in {name}", step))
        elif count and (letters := asyncio.run(_letters(_bootstrap(where), name, since_ms))):
            found.append(warn(subject, f"{letters:,} within a day in {name}", step))
    return found or [ok(subject, "none within a day")]


async def _letters(bootstrap: str, topic: str, since_ms: int) -> int:
    """Count the letters alone: notes of what was redriven stand in the same topic."""
    reader = Reader(bootstrap)
    try:
        found = [one async for one in oldest_first(reader, topic, since_ms=since_ms)]
    finally:
        await reader.stop()
    return sum(isinstance(one, Letter) for one in found)


def _group(subject: str, group: Group, bootstrap: str, topics: Sequence[Topic]) -> Finding:
    workers = "1 worker" if group.members == 1 else f"{group.members} workers"
    lag = GroupLag(bootstrap, group.name, [topic.name for topic in topics])
    places = [(topic.name, number) for topic in topics for number in range(topic.partitions)]
    first = lag.spans(places)
    shorter = [
        f"{topic}/{number}" for (topic, number), span in first.items() if span.log_is_shorter
    ]
    if shorter:
        text = f"{_some(shorter)} ends before what {group.name} has read"
        return fail(subject, text, "The log lost records or is another one: docs/operating.md.")
    if not _waiting(first):
        return ok(subject, f"{workers}, nothing waits ({group.state})")
    time.sleep(SECOND_LOOK_S)
    second = lag.spans(places)
    taken = sum(span.next for span in second.values()) - sum(span.next for span in first.values())
    waiting = _waiting(second)
    wait = "1 record waits" if waiting == 1 else f"{waiting:,} records wait"
    if not waiting or taken:
        return ok(subject, f"{workers}, {wait}, {taken:,} taken in {SECOND_LOOK_S:g} s")
    text = f"{workers} ({group.state}), {wait}, none taken in {SECOND_LOOK_S:g} s"
    return warn(subject, text, "Look again; if it stays so, read the workers' log.")


def _waiting(spans: dict[tuple[str, int], Span]) -> int:
    return sum(span.lag for span in spans.values())


def _bootstrap(where: Surroundings) -> str:
    return str(where.value("KAFKA_BOOTSTRAP_SERVERS"))


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")
