"""Which dead letters may go back, and which must not: a pure decision over what the log holds.

A letter is stale when a newer record of its key stands in the topic to which it would go back: it
would overwrite newer with older. A record that was itself redriven is as old as its original, and
one that goes back in the same run counts as gone: several versions go back in their old order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contex.dead_letters.letter import Letter
from contex.log.partitioner import partition_for
from contex.records.message import Received
from contex.records.redriven import Note, Place, read_redriven


class Verdict(StrEnum):
    """What becomes of a letter."""

    REDRIVE = "redrive"
    STALE = "stale"  # a newer record of the key was written since
    ALREADY = "already-redriven"
    REPEAT = "repeat"  # another letter of the same record goes back
    NO_VALUE = "no-value"  # it was too large for a letter, and the original is gone
    NO_KEY = "no-key"
    UNREADABLE = "unreadable"  # its headers do not say where it came from
    FOREIGN = "foreign"  # it came from a topic that is none of ours to write


_Key = tuple[str, bytes]
FORCEABLE = frozenset({Verdict.STALE, Verdict.ALREADY})


@dataclass(frozen=True, slots=True)
class Judged:
    """A letter, what becomes of it, and why in words."""

    letter: Letter
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How the letters of one dead-letter topic go back.

    Attributes:
        stage: who gave them up.
        topic: the dead-letter topic.
        origins: the topics they may have come from, with their partitions.
        lane: where all of them go; None: each goes back to where it came from, unless it is stale.
    """

    stage: str
    topic: str
    origins: Mapping[str, int]
    lane: str | None = None


class Since:
    """What was written since, by key, to the topics to which letters are to go back.

    Args:
        way: how they go back.
        letters: those that do; where they failed counts as gone.
    """

    def __init__(self, way: Way, letters: Iterable[Letter]) -> None:
        self._way = way
        self._keys: set[_Key] = set()
        self._selected: set[Place] = set()
        for letter in letters:
            original, key = _own(letter)
            self._keys.add((original.topic, key))
            if letter.failed is not None:
                self._selected.add(letter.failed)
        self._newest: dict[_Key, tuple[int, Place]] = {}
        self._copies: dict[tuple[_Key, int], Place] = {}

    def see(self, received: Received) -> None:
        """Take note of a record of an original topic."""
        key = (received.topic, received.key or b"")
        if key not in self._keys:
            return
        place = Place.of(received)
        age = place.offset
        redriven = read_redriven(received.headers)
        if redriven is not None and _same_partition(redriven.original, place):
            age = redriven.original.offset
            self._copies[key, age] = place
        if place not in self._selected and age > self._newest.get(key, (-1, place))[0]:
            self._newest[key] = (age, place)

    def newer_than(self, letter: Letter) -> Place | None:
        """Return the newest record of the letter's key if it is newer than the letter's own."""
        original, key = _own(letter)
        age, place = self._newest.get((original.topic, key), (-1, original))
        return place if age > self._age(letter) else None

    def copy_of(self, letter: Letter) -> Place | None:
        """Return where the letter's record was redriven to, if it stands there."""
        original, key = _own(letter)
        copy = self._copies.get(((original.topic, key), self._age(letter)))
        failed = letter.failed or original
        return copy if copy is not None and copy.offset > failed.offset else None

    def _age(self, letter: Letter) -> int:
        """Return the letter's place in its key's partition; before all if it stood elsewhere."""
        original, key = _own(letter)
        home = partition_for(key, self._way.origins[original.topic])
        return original.offset if original.partition == home else -1


def _own(letter: Letter) -> tuple[Place, bytes]:
    original = letter.original
    assert original is not None
    return original, letter.key or b""


def _same_partition(one: Place, other: Place) -> bool:
    return (one.topic, one.partition) == (other.topic, other.partition)


def in_order(letters: Iterable[Letter]) -> list[Letter]:
    """Order letters as their originals were written, those that cannot be told apart by time."""

    def order(letter: Letter) -> tuple[str, int, int, int]:
        original = letter.original
        if original is None:
            return ("", 0, 0, letter.at_ms)
        return (original.topic, original.partition, original.offset, letter.at_ms)

    return sorted(letters, key=order)


def sendable(
    letters: Iterable[Letter], way: Way, notes: Mapping[Place, Note]
) -> tuple[list[Letter], list[Judged]]:
    """Split letters into what can go back by itself, in order, and what cannot, with reasons."""
    chosen: dict[Place, Letter] = {}
    good: list[Letter] = []
    bad: list[Judged] = []
    for letter in in_order(letters):
        flaw = _flaw(letter, way)
        if flaw is not None:
            bad.append(flaw)
            continue
        good.append(letter)
        if letter.place not in notes:
            chosen.setdefault(letter.failed or letter.place, letter)
    kept: list[Letter] = []
    for letter in good:
        first = chosen.get(letter.failed or letter.place, letter)
        if first is letter or letter.place in notes:
            kept.append(letter)
        else:
            bad.append(Judged(letter, Verdict.REPEAT, f"{first.place} is the same record"))
    return kept, bad


def judge(
    letter: Letter,
    way: Way,
    notes: Mapping[Place, Note],
    since: Since | None,
    *,
    force: bool = False,
) -> Judged:
    """Decide about a letter that could go back."""
    judged = _judge(letter, way, notes, since)
    if force and judged.verdict in FORCEABLE:
        return Judged(letter, Verdict.REDRIVE, judged.reason)
    return judged


def _judge(letter: Letter, way: Way, notes: Mapping[Place, Note], since: Since | None) -> Judged:
    note = notes.get(letter.place)
    if note is not None:
        return Judged(letter, Verdict.ALREADY, f"it went to {note.to}")
    if since is None or way.lane is not None:
        return Judged(letter, Verdict.REDRIVE)
    copy = since.copy_of(letter)
    if copy is not None:
        return Judged(letter, Verdict.ALREADY, f"it went to {copy}")
    newer = since.newer_than(letter)
    if newer is not None:
        reason = f"a newer record of the key stands at {newer}: it would be overwritten"
        return Judged(letter, Verdict.STALE, reason)
    return Judged(letter, Verdict.REDRIVE)


def _flaw(letter: Letter, way: Way) -> Judged | None:
    original, failed = letter.original, letter.failed
    if original is None or failed is None:
        reason = "its headers do not say where it came from"
        return Judged(letter, Verdict.UNREADABLE, reason)
    if failed.topic not in way.origins:
        return Judged(letter, Verdict.FOREIGN, f"it came from {failed.topic}")
    if not letter.key:
        return Judged(letter, Verdict.NO_KEY, "a record without a key has no partition")
    return None


def scans(letters: Iterable[Letter], way: Way) -> dict[tuple[str, int], int]:
    """Return from which offset on each partition must be read to know what is newer."""
    starts: dict[tuple[str, int], int] = {}
    for letter in letters:
        original = letter.original
        if original is None or letter.key is None or way.lane is not None:
            continue
        partition = partition_for(letter.key, way.origins[original.topic])
        # A producer with another partitioner: nothing there can be compared by its offset.
        start = original.offset + 1 if partition == original.partition else 0
        place = (original.topic, partition)
        starts[place] = min(start, starts.get(place, start))
    return starts
