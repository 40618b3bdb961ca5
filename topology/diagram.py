"""Diagrams of the topology, made from the catalogue and the stages: none can be out of date.

Decides how they look. Knows no topic by name.
"""

from collections.abc import Iterable

from topology.catalogue import DAY_MS, SECOND_MS, TOPICS, Topic
from topology.stages import STAGES, Stage

_COLUMNS = ("topic", "key", "record", "partitions", "kept", "owner")


def mermaid(stages: Iterable[Stage] = STAGES) -> str:
    """Return the way of the data as a Mermaid flowchart; lanes are drawn as one."""
    lines = ["flowchart LR"]
    edges: dict[str, None] = {}
    nodes: dict[str, None] = {}
    for stage in stages:
        lines.append(f'    {stage.name}["{stage.name}<br/>{stage.module}"]')
        for topic in stage.reads:
            nodes[_drawn(topic)] = None
            edges[f"    {_node(topic)} --> {stage.name}"] = None
        for topic in stage.writes:
            nodes[_drawn(topic)] = None
            edges[f"    {stage.name} --> {_node(topic)}"] = None
        if stage.dead_letter is not None:
            nodes[_drawn(stage.dead_letter)] = None
            edges[f"    {stage.name} -. gives up .-> {_node(stage.dead_letter)}"] = None
    return "\n".join([*lines, *nodes, *edges])


def text(topics: Iterable[Topic] = TOPICS, stages: Iterable[Stage] = STAGES) -> str:
    """Return the topics as a table and the stages as paragraphs, for a terminal."""
    rows = [_COLUMNS, *(_row(topic) for topic in topics)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*table, *(f"\n{_paragraph(stage)}" for stage in stages)])


def _row(topic: Topic) -> tuple[str, ...]:
    return (
        topic.name,
        topic.key.value,
        topic.schema or "raw bytes",
        str(topic.partitions),
        _kept(topic),
        topic.owner,
    )


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        lag_ms = int(topic.config["min.compaction.lag.ms"])
        newest = "newest of each key for ever"
        return f"{newest}, all for {_duration(lag_ms)}" if lag_ms else newest
    return _duration(topic.retention_ms)


def _duration(duration_ms: int) -> str:
    days, rest_ms = divmod(duration_ms, DAY_MS)
    return f"{days} d" if rest_ms == 0 else f"{days} d + {rest_ms // SECOND_MS} s"


def _paragraph(stage: Stage) -> str:
    lines = [f"{stage.name}: {stage.doc}", f"  runs      python -m {stage.module}"]
    if stage.group is not None:
        lines.append(f"  group     {stage.group}")
    lines.append(f"  reads     {', '.join(topic.name for topic in stage.reads)}")
    lines.append(f"  writes    {', '.join(topic.name for topic in stage.writes)}")
    if stage.dead_letter is not None:
        lines.append(f"  gives up  {stage.dead_letter.name}")
    return "\n".join(lines)


def _node(topic: Topic) -> str:
    return _drawn_name(topic).replace(".", "_").replace("*", "lanes").replace("-", "_")


def _drawn(topic: Topic) -> str:
    return f'    {_node(topic)}[("{_drawn_name(topic)}")]'


def _drawn_name(topic: Topic) -> str:
    return topic.name if topic.delay_s is None else f"{topic.name.rpartition('.')[0]}.*"
