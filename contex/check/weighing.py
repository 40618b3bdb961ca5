"""Whether a value meets an agent's needs, recomputed: by the rule of `contex.records.meeting`.

Decides only what is too near to say. Scores are recomputed with the same embedder; two machines may
differ in the last digits, so a value that a hair's breadth would decide is neither owed nor not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from contex.embedding.port import Vectors
from contex.records.meeting import Evidence, exclusion_statements, met, texts
from contex.records.registration import Need

NEAR = 1e-4
"""Scores this near to what they are compared with are left undecided."""


class Owed(Enum):
    """Whether an agent is to hold a value."""

    YES = auto()
    NO = auto()
    NEAR = auto()


@dataclass(frozen=True, slots=True)
class Weighed:
    """A value against an agent's needs.

    Attributes:
        scores: of the needs, by ordinal.
        surely: the needs that are met however the last digits fall.
        possibly: those, and the ones too near to say.
    """

    scores: Mapping[int, float]
    surely: frozenset[int]
    possibly: frozenset[int]

    @property
    def owed(self) -> Owed:
        """Whether the agent is to hold the value."""
        if self.surely:
            return Owed.YES
        return Owed.NEAR if self.possibly else Owed.NO


class Scale:
    """The needs of one agent, ready to weigh values.

    Args:
        needs: the agent's.
        vectors: a row per text of `contex.records.meeting.texts`, in its order.
    """

    def __init__(self, needs: Sequence[Need], vectors: Vectors) -> None:
        self.needs = tuple(needs)
        self.vectors = vectors
        self._places = [one.place for one in exclusion_statements(self.needs)]
        self._thresholds = np.array([need.threshold for need in self.needs], np.float32)

    @staticmethod
    def texts(needs: Sequence[Need]) -> list[str]:
        """Return what to embed."""
        return texts(needs)

    def candidates(self, best: Vectors) -> list[int]:
        """Return the rows of `best` (values by texts) that may meet a need, filters apart."""
        if not self.needs:
            return []
        margins = best[:, : len(self.needs)] - self._thresholds
        return [int(row) for row in np.flatnonzero((margins >= -2 * NEAR).any(axis=1))]

    def weigh(self, best: Sequence[float], metadata: Mapping[str, str]) -> Weighed:
        """Weigh a value by its best chunk's score for every text."""
        count = len(self.needs)
        scores = {ordinal: float(best[ordinal]) for ordinal in range(count)}
        against = dict(zip(self._places, map(float, best[count:]), strict=True))
        pairs = list(enumerate(self.needs))

        def met_if(shift: float) -> frozenset[int]:
            evidence = Evidence(
                {ordinal: score + shift for ordinal, score in scores.items()},
                {place: score - shift for place, score in against.items()},
                metadata,
            )
            return frozenset(met(pairs, evidence))

        return Weighed(scores, met_if(-NEAR), met_if(NEAR))


def best_scores(chunks: Vectors, starts: Sequence[int], statements: Vectors) -> Vectors:
    """Return, per value, its best chunk's cosine with every statement.

    Args:
        chunks: the chunks of all values, one after the other.
        starts: where each value's chunks begin.
        statements: a row per text.
    """
    best: Vectors = np.maximum.reduceat(chunks @ statements.T, starts, axis=0)
    return best
