"""The facts as the judges ask for them: out of the ledger, with the reasons for what is missing.

Decides when a record that is not there was compacted away, and when it never was.
"""

from collections.abc import Iterator

from contex.check.facts import Registered, State, Version
from contex.check.gather import Question, Reach
from contex.check.justify import Missing
from contex.check.ledger import Ledger
from contex.check.vectors import VectorStore, digest, digests
from contex.check.weighing import Owed, Scale, Weighed, best_scores
from contex.log.partitioner import partition_for
from contex.records.names import AgentKey, ValueKey
from contex.records.registration import Need


class LogFacts:
    """A `Facts` over the ledger. What is weighed must have been prepared."""

    def __init__(
        self, ledger: Ledger, vectors: VectorStore, question: Question, reach: Reach
    ) -> None:
        self._ledger = ledger
        self._vectors = vectors
        self._question = question
        self._partitions = reach.partitions

    def version(self, key: ValueKey, revision: int) -> Version | Missing:
        """Return a value's version."""
        found = self._ledger.version(key, revision)
        if found is not None:
            return found
        count = self._partitions[self._question.sources.publications]
        partition = partition_for(str(key).encode(), count)
        if self._ledger.stands(partition, revision):
            return Missing.NEVER
        if self._ledger.newest_offset(key) < revision:
            return Missing.NEVER  # compaction keeps the newest of each key
        before_ms = self._ledger.time_before(partition, revision)
        young = before_ms is not None and before_ms >= self._question.uncompacted_since_ms
        return Missing.NEVER if young else Missing.COMPACTED

    def registered(self, agent: AgentKey, epoch: int) -> Registered | Missing:
        """Return an agent's registration."""
        retained = self._ledger.registered(agent)
        for one in retained:
            if one.epoch == epoch:
                return Missing.NEVER if one.state is State.UNREADABLE else one
        count = self._partitions[self._question.sources.registrations]
        partition = partition_for(str(agent).encode(), count)
        newer = bool(retained) and retained[0].epoch > epoch
        if not newer or self._ledger.registration_stands(partition, epoch):
            return Missing.NEVER
        return Missing.COMPACTED

    def weigh(self, needs: tuple[Need, ...], version: Version) -> Weighed:
        """Weigh a version that is live against needs."""
        scale = self.scale(needs)
        chunks = self._vectors.get(digests(version.chunks))
        [best] = best_scores(chunks, [0], scale.vectors)
        metadata = {} if version.content is None else version.content.metadata
        return scale.weigh(best, metadata)

    def met_before(self, needs: tuple[Need, ...], version: Version) -> bool | Missing:
        """Say whether an older version of the value may have met a need."""
        older = self.older(version)
        if any(self.weigh(needs, one).owed is not Owed.NO for one in older):
            return True
        # Of what is older than this, compaction left the newest, which is among them.
        return False if version.at_ms >= self._question.uncompacted_since_ms else Missing.COMPACTED

    def older(self, version: Version) -> Iterator[Version]:
        """Yield the older versions that could have been told, newest first."""
        for one in self._ledger.versions(version.key, version.offset):
            if one.state is State.LIVE:
                yield one

    def scale(self, needs: tuple[Need, ...]) -> Scale:
        """Return needs ready to weigh with."""
        texts = Scale.texts(needs)
        return Scale(needs, self._vectors.get([digest(text) for text in texts]))
