"""A history of the routing world as a log, so that a check can be run over it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from log_twin import LogTwin
from routing_world import POISON, LetterMeaning, World

from contex.check.findings import Report
from contex.check.gather import Question, Sources
from contex.check.run import check
from contex.errors import InvalidValue
from contex.records import AgentKey, Deletion, Update, Value
from contex.records.codec import Codec
from contex.records.dead_letter import dead_letter
from contex.records.holdings import Holdings
from contex.records.schema_source import PinnedSchemas

CODEC = Codec(PinnedSchemas())
SOURCES = Sources("publications", "registrations", "updates", "dead")


def log_of(world: World, told: Sequence[Update]) -> LogTwin:
    """Return the world's log, with these updates in place of what was told."""
    log = LogTwin(
        {SOURCES.publications: 1, SOURCES.registrations: 1, SOURCES.updates: 1, "dead": 1}
    )
    for registered in world.registrations.log:
        log.append(SOURCES.registrations, CODEC.encode(registered.record))
    for arrived in world.publications.log:
        received = log.append(SOURCES.publications, CODEC.encode(arrived.record))
        record = arrived.record
        if not isinstance(record, Deletion) and POISON.encode() in record.value.content:
            error = InvalidValue("poison")
            log.append("dead", dead_letter(received, stage="routing", error=error, at_ms=1))
    for update in told:
        log.append(SOURCES.updates, CODEC.encode(update))
    return log


async def checked(log: LogTwin, **asked: Any) -> Report:
    """Check a log that routing has finished."""
    finished = {
        (topic, partition): end
        for topic in (SOURCES.publications, SOURCES.registrations)
        for partition, end in (await log.end_offsets(topic)).items()
    }
    question = replace(Question(SOURCES, finished), **asked)
    return await check(log, CODEC, LetterMeaning(), question)


def wrong(world: World, told: Sequence[Update]) -> set[tuple[str, str]]:
    """Return the agents and values that a feed leaves wrong, by brute force.

    An agent that was never answered is wrong about everything: told with an empty value.
    """
    found: set[tuple[str, str]] = set()
    newest: dict[AgentKey, int] = {one.key: one.epoch for one in world.registrations.log}
    for agent, expected in world.expected().items():
        holdings = Holdings()
        initial = False
        for update in told:
            if update.agent == agent:
                holdings.apply(update)
                initial |= update.kind == "initial" and update.epoch == newest[agent]
        if not initial:
            found.add((agent.agent_id, ""))
            continue
        held = {key: item.content for key, item in holdings.items.items()}
        found |= {
            (agent.agent_id, key)
            for key in held.keys() | expected.keys()
            if held.get(key) != expected.get(key)
        }
        found |= {
            (agent.agent_id, key)
            for key, item in holdings.items.items()
            if item.revision not in right_revisions(world, key)
        }
    return found


def right_revisions(world: World, data_key: str) -> set[int]:
    """Return the revisions at the end of a value's history that say the same."""
    found: set[int] = set()
    newest: Value | None = None
    for arrived in reversed(world.publications.log):
        if arrived.key.data_key != data_key:
            continue
        if isinstance(arrived.record, Deletion):
            break
        value = arrived.record.value
        if POISON.encode() in value.content:
            continue
        newest = newest or value
        if value != newest:
            break
        found.add(arrived.revision)
    return found
