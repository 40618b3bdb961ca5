"""All agents of a project against all its values, in blocks: what was told, and what is held.

Decides the blocks, so that memory stays bounded, and turns verdicts into findings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from contex.check.facts import Registered, State, Told, ToldItem
from contex.check.final import Feed, Pair, judge
from contex.check.findings import Finding, Kind, Report, Unjudged
from contex.check.gather import Progress, Question, Reach
from contex.check.justify import Missing, Topics, justify
from contex.check.ledger import Ledger
from contex.check.lookup import LogFacts
from contex.check.standing import Standing, standing
from contex.check.vectors import VectorStore, digest, digests
from contex.check.weighing import Owed, Scale, best_scores
from contex.embedding.port import Vectors
from contex.log.partitioner import partition_for
from contex.records.holdings import ENDS
from contex.records.names import AgentKey, Scope, ValueKey

VALUES_BLOCK_MAX = 2_000
PASSAGES_BLOCK_MAX = 8_192
"""Beyond it, a value more at most: with the statements, the vectors and scores of a block take
some 60 MB."""
STATEMENTS_BLOCK_MAX = 1_024
HELD_BLOCK_MAX = 100_000


@dataclass
class _Agent:
    """An agent whose holdings are to be judged."""

    key: AgentKey
    registered: Registered
    scale: Scale
    feed: Feed
    known_since_ms: int
    held: dict[str, ToldItem]
    flagged: set[str]
    unlisted: int
    columns: slice = field(default_factory=lambda: slice(0))

    def knows(self, at_ms: int) -> bool:
        """Say whether all that was told of a value published then can be seen."""
        return max(self.registered.at_ms, at_ms) > self.known_since_ms


@dataclass(frozen=True, slots=True)
class _Value:
    key: ValueKey
    standing: Standing
    in_flight: bool

    @property
    def unjudged(self) -> Unjudged | None:
        """Why nobody's knowledge of it can be judged."""
        if self.in_flight:
            return Unjudged.IN_FLIGHT
        return Unjudged.DEAD_LETTER if self.standing.doubtful else None


class Judging:
    """Judges projects, one after the other."""

    def __init__(
        self,
        ledger: Ledger,
        vectors: VectorStore,
        question: Question,
        reach: Reach,
        report: Report,
        progress: Progress,
    ) -> None:
        self._ledger = ledger
        self._vectors = vectors
        self._question = question
        self._reach = reach
        self._report = report
        self._progress = progress
        self._facts = LogFacts(ledger, vectors, question, reach)
        sources = question.sources
        self._counted: Scope | None = None
        self._topics = Topics(sources.publications, sources.registrations)

    async def run(self) -> None:
        """Judge everything that was gathered."""
        self._unaccounted()
        scope: Scope | None = None
        block: list[_Agent] = []
        count = 0
        for key in self._ledger.agents():
            if not self._question.asks_about(key.scope):
                continue
            if key.scope != scope or _is_full(block):
                await self._judge_block(scope, block)
                scope, block = key.scope, []
            agent = await self._agent(key)
            if agent is not None:
                block.append(agent)
            count += 1
            self._progress("judging what agents were told", count, 0)
        await self._judge_block(scope, block)

    def _unaccounted(self) -> None:
        publications = self._question.sources.publications
        for version in self._ledger.unaccounted():
            if version.offset >= self._finished(publications, version.partition):
                self._report.leave(Unjudged.IN_FLIGHT)
            elif version.at_ms <= self._reach.letters_since_ms:
                self._report.leave(Unjudged.RETENTION)
            else:
                place = f"{publications}:{version.partition}:{version.offset}"
                scope, data_key = version.key.scope, version.key.data_key
                self._find(Kind.UNACCOUNTED, scope, "", data_key, version.error, place)

    async def _agent(self, key: AgentKey) -> _Agent | None:
        """Justify what an agent was told; return it if what it holds can be judged."""
        await self._prepare(key)
        feed = Feed()
        flagged: set[str] = set()
        for one in self._ledger.told(key):
            flagged |= self._justified(one, feed)
            feed.apply(one)
        registered = self._counting(key)
        if registered is None:
            return None
        count = self._reach.partitions[self._question.sources.updates]
        partition = partition_for(str(key).encode(), count)
        agent = _Agent(
            key=key,
            registered=registered,
            scale=self._facts.scale(registered.needs),
            feed=feed,
            known_since_ms=self._reach.told_since_ms.get(partition, -1),
            held=dict(feed.held),
            flagged=flagged,
            unlisted=feed.omitted_unlisted,
        )
        return agent if self._answered(agent) else None

    def _answered(self, agent: _Agent) -> bool:
        """Say whether the feed is that of the registration that counts, and has its beginning."""
        feed, epoch = agent.feed, agent.registered.epoch
        if feed.epoch > epoch:
            # In flight, or a finding already.
            self._report.leave(Unjudged.IN_FLIGHT)
            return False
        complete = agent.registered.at_ms > agent.known_since_ms
        if complete and (feed.epoch < epoch or feed.initial is None):
            detail = f"registration {epoch} was not answered"
            self._find(Kind.NO_INITIAL, agent.key.scope, agent.key.agent_id, "", detail)
            return False
        if feed.epoch < epoch:
            agent.held = {}
        self._report.judged["agents"] += 1
        return True

    def _counting(self, key: AgentKey) -> Registered | None:
        """Return the registration that counts; None if the agent left, or it cannot be said."""
        topic = self._question.sources.registrations
        for one in self._ledger.registered(key):
            if one.epoch >= self._finished(topic, one.partition):
                self._report.leave(Unjudged.IN_FLIGHT)
                return None
            if one.dead and one.state is State.UNREADABLE:
                continue
            if one.dead:
                self._report.leave(Unjudged.DEAD_LETTER)
                return None
            if one.state is State.UNREADABLE:
                place = f"{topic}:{one.partition}:{one.epoch}"
                if one.at_ms > self._reach.letters_since_ms:
                    self._find(Kind.UNACCOUNTED, key.scope, key.agent_id, "", one.error, place)
                return None
            return one if one.state is State.LIVE else None
        self._report.leave(Unjudged.COMPACTED)
        return None

    async def _prepare(self, key: AgentKey) -> None:
        """Have the vectors of all that the agent's feed is judged by."""

        def wanted() -> Iterator[bytes]:
            for registered in self._ledger.registered(key):
                yield from map(digest, Scale.texts(registered.needs))
            feed = Feed()
            for one in self._ledger.told(key):
                yield from self._judged_by(one, feed)
                feed.apply(one)

        await self._vectors.prepare(wanted(), self._embedding)

    def _judged_by(self, one: Told, feed: Feed) -> Iterator[bytes]:
        """Yield the texts that an update is judged by, given what was told before."""
        scope = one.agent.scope
        revisions = [(item.data_key, item.revision) for item in one.items]
        for data_key, revision in [*revisions, *one.omitted.items()]:
            version = self._facts.version(ValueKey(scope, data_key), revision)
            if isinstance(version, Missing):
                continue
            yield from digests(version.chunks)
            if one.kind in ENDS and not feed.holds(data_key):
                for older in self._facts.older(version):
                    yield from digests(older.chunks)
        for item in one.items:
            yield from (digest(need.need) for need in item.needs)

    def _justified(self, one: Told, feed: Feed) -> set[str]:
        """Report what is wrong with an update; return the values that it concerns."""
        flagged: set[str] = set()
        self._report.judged["updates"] += 1
        self._report.judged["items"] += len(one.items)
        for fault in justify(one, feed.holds, self._facts, self._topics):
            if isinstance(fault.what, Unjudged):
                self._report.leave(fault.what)
                continue
            flagged |= {fault.data_key} if fault.data_key else {i.data_key for i in one.items}
            agent = one.agent
            self._find(
                fault.what, agent.scope, agent.agent_id, fault.data_key, fault.detail, one.place
            )
        return flagged

    async def _judge_block(self, scope: Scope | None, block: Sequence[_Agent]) -> None:
        if scope is None or not block:
            return
        column = 0
        for agent in block:
            width = len(agent.scale.vectors)
            agent.columns = slice(column, column + width)
            column += width
        for values in self._blocks(scope):
            best = await self._best(values, block)
            for agent in block:
                self._judge_agent(agent, values, best)
            self._progress("judging what agents hold, pairs", self._report.judged["pairs"], 0)
        self._counted = scope

    def _blocks(self, scope: Scope) -> Iterator[list[_Value]]:
        values: list[_Value] = []
        passages = 0
        for key in self._ledger.keys(scope):
            value = self._value(key)
            live = value.standing.live
            values.append(value)
            passages += 0 if live is None else len(digests(live.chunks))
            if len(values) >= VALUES_BLOCK_MAX or passages >= PASSAGES_BLOCK_MAX:
                yield values
                values, passages = [], 0
        if values:
            yield values

    def _value(self, key: ValueKey) -> _Value:
        topic = self._question.sources.publications
        partition = partition_for(str(key).encode(), self._reach.partitions[topic])
        finished = self._finished(topic, partition)
        in_flight = self._ledger.newest_offset(key) >= finished
        # A project of many agents goes over its values many times.
        self._report.judged["values"] += self._counted != key.scope
        return _Value(key, standing(self._ledger.versions(key, finished)), in_flight)

    async def _best(self, values: Sequence[_Value], block: Sequence[_Agent]) -> "_Best":
        """Return the scores of the values that stand, and the row of each."""
        rows: dict[int, int] = {}
        names: list[bytes] = []
        starts: list[int] = []
        for number, value in enumerate(values):
            live = value.standing.live
            if live is not None and value.unjudged is None:
                rows[number] = len(starts)
                starts.append(len(names))
                names += digests(live.chunks)
        if not names:
            return _Best({}, np.empty((0, 0), np.float32))
        await self._vectors.prepare(names, self._embedding)
        statements = np.concatenate([agent.scale.vectors for agent in block])
        return _Best(rows, best_scores(self._vectors.get(names), starts, statements))

    def _judge_agent(self, agent: _Agent, values: Sequence[_Value], best: "_Best") -> None:
        scores = best.scores[:, agent.columns] if len(best.scores) else best.scores
        near = set(agent.scale.candidates(scores)) if len(best.scores) else set()
        for number, value in enumerate(values):
            self._report.judged["pairs"] += 1
            data_key = value.key.data_key
            row = best.rows.get(number)
            held = agent.held.get(data_key)
            if data_key in agent.flagged:
                continue
            if value.unjudged is not None:
                self._report.leave(value.unjudged)
                continue
            if held is None and (row is None or row not in near):
                continue
            self._judge_pair(agent, value, held, None if row is None else scores[row])

    def _judge_pair(
        self,
        agent: _Agent,
        value: _Value,
        held: ToldItem | None,
        scores: Sequence[float] | None,
    ) -> None:
        live = value.standing.live
        owed = Owed.NO
        if live is not None and scores is not None:
            metadata = {} if live.content is None else live.content.metadata
            owed = agent.scale.weigh(scores, metadata).owed
        data_key = value.key.data_key
        known = live is None or agent.knows(live.at_ms)
        pair = Pair(owed, value.standing, held, agent.feed.omitted.get(data_key), known)
        verdict = judge(pair)
        if isinstance(verdict, Kind):
            if verdict is Kind.LOST and agent.unlisted > 0:
                agent.unlisted -= 1
                self._report.leave(Unjudged.UNLISTED)
                return
            detail = _words(held, value.standing)
            scope = agent.key.scope
            self._find(verdict, scope, agent.key.agent_id, data_key, detail)
        elif verdict is not None:
            self._report.leave(verdict)

    def _embedding(self, count: int) -> None:
        self._progress("embedding, texts", count, 0)

    def _finished(self, topic: str, partition: int) -> int:
        return self._reach.finished.get((topic, partition), 0)

    def _find(
        self, kind: Kind, scope: Scope, agent_id: str, data_key: str, detail: str, place: str = ""
    ) -> None:
        self._report.find(
            Finding(kind, scope.tenant, scope.project, agent_id, data_key, detail, place)
        )


@dataclass(frozen=True, slots=True)
class _Best:
    """Scores of values by statements, and which row is whose."""

    rows: dict[int, int]
    scores: Vectors


def _is_full(block: Sequence[_Agent]) -> bool:
    statements = sum(len(agent.scale.vectors) for agent in block)
    held = sum(len(agent.held) for agent in block)
    return statements >= STATEMENTS_BLOCK_MAX or held >= HELD_BLOCK_MAX


def _words(held: ToldItem | None, stands: Standing) -> str:
    has = "nothing" if held is None else f"revision {held.revision}"
    newest = stands.newest
    if newest is None:
        return f"holds {has}; no version counts"
    what = "was deleted with" if newest.state is State.ENDED else "stands at"
    return f"holds {has}; the value {what} revision {newest.offset}"
