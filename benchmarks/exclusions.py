"""Measures how well rules for exclusions keep out what is not meant, the shipped rule among others.

    python -m benchmarks.exclusions                  all needs of benchmarks/data/exclusions.json
    python -m benchmarks.exclusions --part check     those that the rule was not chosen on

Decides which rules are compared and what is counted; docs/matching.md has the table. The embedder
is that of the settings. Never searches an index, and never judges the figures.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import click
from pydantic import BaseModel, ConfigDict, TypeAdapter
from rich.console import Console
from rich.table import Table

from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.records import Exclusion, Need, Value
from contex.records.meeting import (
    Evidence,
    ExclusionPlace,
    Scores,
    Sense,
    exclusion_statements,
    is_excluded,
    met,
    texts,
)
from contex.records.registration import EXCLUSION_THRESHOLD_DEFAULT
from contex.settings import load_settings
from contex.text.formats import parse
from contex.text.passages import passages

DATA = Path(__file__).parent / "data" / "exclusions.json"
NOT_MEASURED = """Not measured:
- other people's texts: needs and values are short, English, and written by the rule's authors
- several exclusions of one need, filters, and the index: scores are computed here, exactly
- labels across needs: that another need's exclusion fits none of a need's values is assumed
- thresholds of needs other than the default"""


class Wording(StrEnum):
    """How an exclusion is put."""

    SHORT = "short"
    LONG = "long"


class Labelled(BaseModel):
    """A value that is near its need. `excluded`: somebody with the exclusion does not want it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    excluded: bool
    data_key: str
    content_type: str
    data: dict[str, object] | str

    @property
    def value(self) -> Value:
        """The value as it would be published."""
        text = self.data if isinstance(self.data, str) else json.dumps(self.data)
        return Value(text.encode(), self.content_type)


class Case(BaseModel):
    """A need, an exclusion of it in two wordings, and values with and without what it means.

    `part`: the rule was chosen looking at these, or these were added afterwards to check it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    need: str
    exclusions: dict[Wording, str]
    part: Literal["chosen", "check"]
    values: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """One value, one need with one exclusion, and all scores between them.

    `own`: the exclusion is of the value's own need, not of another.
    """

    need: Need
    wording: Wording
    own: bool
    excluded: bool
    score: float
    exclusions: Scores

    def by(self, sense: Sense) -> float:
        """Return the score for the exclusion, read in one of its senses."""
        return self.exclusions[ExclusionPlace(0, 0, sense)]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule did with the values of one wording."""

    kept_out: int
    wrongly: int
    excluded: int
    by_anothers: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, of keeping out."""
        return 2 * self.kept_out / (self.excluded + self.kept_out + self.wrongly)


Rule = Callable[[Heard], bool]
"""Says whether the exclusion speaks against the value."""


def shipped(heard: Heard) -> bool:
    """Decide as publish, registration and query do."""
    return is_excluded(0, heard.need, heard.score, heard.exclusions)


def _in_context(heard: Heard) -> bool:
    return heard.by(Sense.WITH_NEED) >= max(heard.need.threshold, heard.score)


RULES: dict[str, Rule] = {
    "it scores 0.34 for it": lambda heard: heard.by(Sense.ALONE) >= 0.34,
    "it scores 0.25 for it": lambda heard: heard.by(Sense.ALONE) >= 0.25,
    "... 0.34, and as much as for the need": lambda heard: (
        heard.by(Sense.ALONE) >= max(0.34, heard.score)
    ),
    "it scores as much for both together as for the need": _in_context,
    "the shipped rule: about it, and told better with it": shipped,
}


def load(path: Path = DATA) -> tuple[Case, ...]:
    """Read a labelled set."""
    return TypeAdapter(tuple[Case, ...]).validate_json(path.read_bytes())


def listen(
    cases: Sequence[Case], embedder: Embedder, *, threshold: float = EXCLUSION_THRESHOLD_DEFAULT
) -> Iterator[Heard]:
    """Score every value for its need and for every exclusion of every need, in both wordings."""
    needs = {
        (about, speaker, wording): Need(
            cases[about].need,
            exclusions=(Exclusion(cases[speaker].exclusions[wording], threshold),),
        )
        for about in range(len(cases))
        for speaker in range(len(cases))
        for wording in Wording
    }
    said = list(dict.fromkeys(text for need in needs.values() for text in texts([need])))
    vectors = embedder.embed(said)
    for number, case in enumerate(cases):
        heard = [(place, need) for place, need in needs.items() if place[0] == number]
        for one in case.values:
            chunks = passages(one.data_key, parse(one.value), embedder.count_tokens).texts
            best = (embedder.embed(chunks) @ vectors.T).max(axis=0)
            score = dict(zip(said, map(float, best), strict=True))
            for (_, speaker, wording), need in heard:
                yield Heard(
                    need,
                    wording,
                    speaker == number,
                    one.excluded,
                    score[need.text],
                    {told.place: score[told.text] for told in exclusion_statements([need])},
                )


def tally(rule: Rule, heard: Iterable[Heard], wording: Wording) -> Tally:
    """Count what `rule` keeps out."""
    of_wording = [one for one in heard if one.wording is wording]
    excluded = [rule(one) for one in of_wording if one.own and one.excluded]
    wanted = [rule(one) for one in of_wording if one.own and not one.excluded]
    others = [rule(one) for one in of_wording if not one.own and not one.excluded]
    by_anothers = sum(others) / len(others) if others else 0.0
    return Tally(sum(excluded), sum(wanted), len(excluded), by_anothers)


def matched(heard: Iterable[Heard], wording: Wording, *, excluded: bool) -> tuple[int, int, int]:
    """Return how many values there are, meet the need by score, and meet it after exclusion."""
    of_kind = [
        one for one in heard if one.own and one.wording is wording and one.excluded is excluded
    ]
    by_score = [one for one in of_kind if met([(0, one.need)], Evidence({0: one.score}))]
    after = [one for one in by_score if not shipped(one)]
    return len(of_kind), len(by_score), len(after)


def show_rules(console: Console, heard: Sequence[Heard]) -> None:
    """Print what each rule keeps out."""
    table = Table(
        "an exclusion speaks against a value if",
        *(f"{wording}: kept out / wrongly / F1" for wording in Wording),
        "by another's",
    )
    for name, rule in RULES.items():
        tallies = [tally(rule, heard, wording) for wording in Wording]
        table.add_row(
            name,
            *(f"{one.kept_out} / {one.wrongly} / {one.f1:.2f}" for one in tallies),
            ", ".join(f"{one.by_anothers:.1%}" for one in tallies),
        )
    console.print(table)


def show_matches(console: Console, heard: Sequence[Heard]) -> None:
    """Print what an agent with the need and the exclusion gets, by the shipped rule."""
    table = Table("what an agent gets", "values", "by score alone", *Wording)
    for title, excluded in (("of what it wants", False), ("of what it does not", True)):
        short, long = (matched(heard, wording, excluded=excluded) for wording in Wording)
        table.add_row(title, *map(str, (*short, long[-1])))
    console.print(table)


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DATA,
    help="A labelled set of your own, in the form of benchmarks/data/exclusions.json.",
)
@click.option(
    "--part",
    type=click.Choice(["all", "chosen", "check"]),
    default="all",
    show_default=True,
    help="Those that the rule was chosen on, or those added to check it.",
)
@click.option(
    "--threshold",
    default=EXCLUSION_THRESHOLD_DEFAULT,
    show_default=True,
    help="Of exclusions, for the shipped rule.",
)
def main(data: Path, part: str, threshold: float) -> None:
    """Compare rules for exclusions on a labelled set."""
    cases = [case for case in load(data) if part in {"all", case.part}]
    values = [value for case in cases for value in case.values]
    unwanted = sum(value.excluded for value in values)
    embedder = open_embedder(load_settings())
    heard = list(listen(cases, embedder, threshold=threshold))
    console = Console(width=140)
    console.print(f"{len(cases)} needs, {len(values)} values, {unwanted} to be kept out")
    console.print(embedder.fingerprint)
    show_rules(console, heard)
    show_matches(console, heard)
    console.print(NOT_MEASURED)


if __name__ == "__main__":
    main()
