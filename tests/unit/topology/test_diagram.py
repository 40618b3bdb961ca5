"""The diagrams show every topic and every edge."""

import re

from click.testing import CliRunner

from topology.catalogue import TOPICS
from topology.commands.topics import topics
from topology.diagram import mermaid, text
from topology.stages import STAGES


def test_the_text_shows_every_topic_and_stage() -> None:
    drawn = text()

    for topic in TOPICS:
        assert re.search(rf"^{re.escape(topic.name)} ", drawn, re.MULTILINE), topic.name
    for stage in STAGES:
        assert f"{stage.name}: {stage.doc}" in drawn
        assert f"python -m {stage.module}" in drawn
    assert max(len(line) for line in drawn.splitlines()[: len(TOPICS) + 1]) <= 140


def test_the_text_says_how_long_records_are_kept() -> None:
    drawn = {line.split()[0]: line for line in text().splitlines() if line.startswith("contex.")}

    assert "newest of each key for ever, all for 30 d" in drawn["contex.publications"]
    assert "7 d + 43200 s" in drawn["contex.webhooks.retry.6h"]
    assert "raw bytes" in drawn["contex.routing.dead-letter"]


def test_every_edge_of_the_flowchart_is_between_drawn_nodes() -> None:
    lines = mermaid().splitlines()
    nodes = {line.split("[")[0].strip() for line in lines if "[" in line}
    edges = [re.split(r" -\S.*?-?> ?", line.strip()) for line in lines if "->" in line]

    assert lines[0] == "flowchart LR"
    assert len(edges) > len(STAGES)
    for source, target in edges:
        assert {source, target} <= nodes


def test_lanes_are_drawn_as_one() -> None:
    assert mermaid().count("contex.webhooks.retry") == 1


def test_the_command_prints_both() -> None:
    runner = CliRunner()

    assert runner.invoke(topics, ["diagram"]).output == text() + "\n"
    assert runner.invoke(topics, ["diagram", "--format", "mermaid"]).output == mermaid() + "\n"
    assert runner.invoke(topics, ["diagram", "--format", "png"]).exit_code == 2
