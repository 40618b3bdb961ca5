"""What a check found: good, odd, broken or not looked at, and what to do about it. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contex.cli.output import plural


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, but somebody should look at it."""
    FAIL = "fail"
    """Something that Contex promises does not hold now."""
    SKIP = "skip"
    """Not looked at, because of another failure or because there is nothing to look at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report.

    Attributes:
        subject: what was looked at.
        text: what was seen.
        step: what to do next, empty when nothing is to be done.
    """

    subject: str
    level: Level
    text: str
    step: str = ""


def ok(subject: str, text: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(subject, Level.OK, text)


def warn(subject: str, text: str, step: str) -> Finding:
    """Return a finding to look at."""
    return Finding(subject, Level.WARN, text, step)


def fail(subject: str, text: str, step: str) -> Finding:
    """Return a finding to repair."""
    return Finding(subject, Level.FAIL, text, step)


def skip(subject: str, text: str) -> Finding:
    """Return a finding that says why there is none."""
    return Finding(subject, Level.SKIP, text)


def failed(findings: Iterable[Finding]) -> bool:
    """Say whether one of them is a failure."""
    return any(finding.level is Level.FAIL for finding in findings)


def blocking(findings: Iterable[Finding]) -> bool:
    """Say whether what builds on these need not be looked at."""
    return any(finding.level in {Level.FAIL, Level.SKIP} for finding in findings)


def summary(findings: Sequence[Finding]) -> str:
    """Count them in words."""
    counts = Counter(finding.level for finding in findings)
    words = [
        f"{counts[Level.OK]} ok",
        plural(counts[Level.WARN], "warning"),
        plural(counts[Level.FAIL], "failure"),
    ]
    if counts[Level.SKIP]:
        words.append(f"{counts[Level.SKIP]} not looked at")
    return ", ".join(words)
