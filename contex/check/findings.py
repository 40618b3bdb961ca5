"""What a check finds, what it cannot judge, and how many there are of each.

Decides the words. Keeps a bounded number of findings and counts all.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

FINDINGS_KEPT_MAX = 1_000
"""Findings that are kept in full; all are counted."""


class Kind(StrEnum):
    """What is wrong."""

    LOST = "lost"  # a value meets a need of the agent, which was never told
    OUTDATED = "outdated"  # the agent holds an older revision than the one that stands
    NOT_ENDED = "not-ended"  # the agent holds what was deleted, or meets no need any more
    NO_INITIAL = "no-initial"  # a registration was never answered
    SPURIOUS = "spurious"  # told, but not owed
    WRONG_REVISION = "wrong-revision"  # told of a revision that the log does not have
    WRONG_CONTENT = "wrong-content"
    WRONG_NEEDS = "wrong-needs"
    WRONG_SCORE = "wrong-score"
    WRONG_KIND = "wrong-kind"
    WRONG_ID = "wrong-id"
    WRONG_CAUSE = "wrong-cause"
    WRONG_EPOCH = "wrong-epoch"
    UNACCOUNTED = "unaccounted"  # a record that cannot be read, and no dead letter tells of it
    UNREADABLE = "unreadable"  # an update that cannot be read


class Unjudged(StrEnum):
    """Why something was not judged."""

    IN_FLIGHT = "in-flight"  # routing has not finished it
    RETENTION = "retention"  # it was told before the feed, or the window, begins
    COMPACTED = "compacted"  # the record is not in the log any more
    DEAD_LETTER = "dead-letter"  # given up, though it could be read today
    UNLISTED = "unlisted"  # an initial context left out more than it names
    NEAR = "near-threshold"  # too near to a threshold to say


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: the record that shows it, `topic:partition:offset`, or empty.
    """

    kind: Kind
    tenant: str
    project: str
    agent_id: str
    data_key: str
    detail: str
    place: str = ""


@dataclass
class Report:
    """Everything that a check found."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)
    unjudged: Counter[Unjudged] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    """By `values`, `agents`, `pairs`, `updates`, `items`."""

    @property
    def consistent(self) -> bool:
        """Whether nothing is wrong with what could be judged."""
        return not self.counts

    def find(self, finding: Finding) -> None:
        """Take note of a finding."""
        self.counts[finding.kind] += 1
        if len(self.findings) < FINDINGS_KEPT_MAX:
            self.findings.append(finding)

    def leave(self, why: Unjudged, count: int = 1) -> None:
        """Take note of what was not judged."""
        self.unjudged[why] += count
